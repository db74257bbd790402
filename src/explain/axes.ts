/** Steps between labels of a time axis that people can read, in seconds. */
const TIME_STEPS: readonly number[] = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800, 604_800,
];

/** Times for at most `most` labels of an axis that is `spanMs` long, in ms from its beginning; the first is 0. */
export function timeTicks(spanMs: number, most: number): readonly number[] {
  const stepMs = 1000 * (TIME_STEPS.find((step) => (step * 1000 * most) / spanMs >= 1) ?? spanMs / 1000);
  return Array.from({ length: Math.floor(spanMs / stepMs) + 1 }, (_, i) => i * stepMs);
}

/** `0s`, `45s`, `2m30s`, `1h5m`: a time since the beginning. */
export function sinceInWords(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (hours > 0) return minutes > 0 ? `${hours}h${minutes}m` : `${hours}h`;
  if (minutes > 0) return rest > 0 ? `${minutes}m${rest}s` : `${minutes}m`;
  return `${rest}s`;
}

const PREFIXES = ['', 'k', 'M', 'G', 'T'] as const;

/** `1:1`, `1:100`, `1:20k`: odds by their logarithm to the base 10, with at most two digits. */
export function oddsLabel(log10: number): string {
  const odds = Number((10 ** Math.max(0, log10)).toPrecision(2));
  const thousands = Math.min(PREFIXES.length - 1, Math.floor(Math.log10(odds) / 3 + 1e-9));
  return `1:${Number((odds / 1000 ** thousands).toPrecision(2))}${PREFIXES[thousands]}`;
}

/** Odds beyond this mean the same to anybody, and would press everything else flat. */
const MOST_LOG10 = 9;

/** The top of an axis of odds on which both the evidence and what it must reach are seen. */
export function topOf(log10s: readonly number[], threshold: number): number {
  const most = log10s.reduce((max, value) => Math.max(max, value), 0);
  return Math.max(threshold * 1.25, Math.min(most, MOST_LOG10) * 1.05);
}
