import type { Tally } from './tally.ts';

/** The table of all tiers, the reasons for skips, every failure in full, and as last line the total. */
export function renderReport(tallies: readonly Tally[]): string {
  return [...renderFailures(tallies), ...renderSkips(tallies), ...renderTable(tallies), '', renderTotal(tallies)].join(
    '\n',
  );
}

/** Exactly `N passed, N failed, N skipped`: the closing line that scripts read. */
export function renderTotal(tallies: readonly Tally[]): string {
  const sum = (count: (tally: Tally) => number) => tallies.reduce((total, tally) => total + count(tally), 0);
  const failed = sum((tally) => tally.failures.length);
  return `${sum((tally) => tally.passed)} passed, ${failed} failed, ${sum((tally) => tally.skips.length)} skipped`;
}

function renderFailures(tallies: readonly Tally[]): string[] {
  return tallies.flatMap((tally) =>
    tally.failures.flatMap((failure) => ['', `FAILED  ${tally.tier}: ${failure.name}`, indent(failure.text)]),
  );
}

function renderSkips(tallies: readonly Tally[]): string[] {
  return tallies.flatMap((tally) => {
    const names = new Map<string, string[]>();
    for (const skip of tally.skips) names.set(skip.reason, [...(names.get(skip.reason) ?? []), skip.name]);
    return [...names].flatMap(([reason, skipped]) => [
      '',
      `SKIPPED ${tally.tier}: ${skipped.length} because ${reason}`,
      ...skipped.map((name) => `    ${name}`),
    ]);
  });
}

function renderTable(tallies: readonly Tally[]): string[] {
  const rows = tallies.map((tally) =>
    [
      tally.tier.padEnd(12),
      String(tally.passed).padStart(7),
      String(tally.failures.length).padStart(7),
      String(tally.skips.length).padStart(8),
      formatElapsed(tally.elapsedMs).padStart(12),
    ].join(''),
  );
  return [
    '',
    `${'tier'.padEnd(12)}${'passed'.padStart(7)}${'failed'.padStart(7)}${'skipped'.padStart(8)}${'time'.padStart(12)}`,
    ...rows,
  ];
}

/** `8.4 s` or `2 min 5 s`. */
export function formatElapsed(elapsedMs: number): string {
  const seconds = elapsedMs / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
