/** A span in at most two units: `8s`, `3m20s`, `2h5m`, `4d`. Anything below a second is `0s`. */
export function span(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return two(days, 'd', hours, 'h');
  if (hours > 0) return two(hours, 'h', minutes, 'm');
  return minutes > 0 ? two(minutes, 'm', seconds % 60, 's') : `${seconds}s`;
}

const two = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
  `${big}${bigUnit}${small > 0 ? `${small}${smallUnit}` : ''}`;

/** How long ago an ISO time was; `-` where there is none. */
export function age(time: string | undefined, nowMs: number): string {
  const at = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(at) ? '-' : span(nowMs - at);
}

/** `1204` as `1,204`. */
export function whole(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `1 request`, `3 requests`. */
export function counted(value: number, noun: string): string {
  return `${whole(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** A percentage with at most two decimals. */
export function percent(value: number): string {
  return `${Number(value.toFixed(2))} %`;
}

/** Share of `part` in `total`, in percent. */
export function share(part: number, total: number): string {
  return total === 0 ? '-' : percent((part / total) * 100);
}

/** Odds above which nobody cares for the exact figure. */
const MOST_ODDS = 1_000_000;

/** Evidence against the new version, in words. */
export function oddsInWords(odds: number | undefined): string {
  if (odds === undefined) return 'no evidence yet';
  if (odds < 1.5) return 'nothing speaks against it';
  if (odds >= MOST_ODDS) return `more than ${whole(MOST_ODDS)} to 1 against it`;
  return `${odds < 10 ? Number(odds.toFixed(1)) : whole(odds)} to 1 against it`;
}
