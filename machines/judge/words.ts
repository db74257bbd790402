import type { ArmCounts } from './counts.ts';

/** Odds are shown up to this number; beyond it they mean the same to anybody. */
export const MOST_ODDS = 1e9;

/** Returns "1 in 4,000 against harmless" for ln of the odds. */
export function oddsInWords(lnOdds: number): string {
  const odds = Math.exp(Math.max(0, lnOdds));
  if (odds < 2) return 'nothing against harmless';
  if (!(odds < MOST_ODDS)) return `less than 1 in ${grouped(MOST_ODDS)} against harmless`;
  return `1 in ${grouped(twoDigits(odds))} against harmless`;
}

/** Returns "7 of 212 failed, stable 3 of 4,031". */
export function countsInWords(canary: ArmCounts, stable: ArmCounts): string {
  return `${failedOf(canary)} failed, stable ${failedOf(stable)}`;
}

/** Returns a whole number with a comma before each group of three digits. */
export function grouped(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** Returns a ratio as per cent with at most three digits: "0.1 %". */
export function percent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(3))} %`;
}

/** Returns a time span in the largest unit that leaves at least 2 of it: "90 s", "12 min", "3 h". */
export function spanInWords(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

function failedOf({ failures, requests }: ArmCounts): string {
  return `${grouped(failures)} of ${grouped(requests)}`;
}

/** Odds of 4,137 pretend to more than is known: two digits are enough. */
function twoDigits(value: number): number {
  const unit = value < 100 ? 1 : 10 ** (Math.trunc(value).toString().length - 2);
  return Math.round(value / unit) * unit;
}
