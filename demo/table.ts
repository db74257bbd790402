import type { Failure } from '../lab/load/record.ts';

/** What became of one release, as the callers saw it. */
export interface Chapter {
  readonly title: string;
  readonly outcome: string;
  readonly isAsExpected: boolean;
  readonly seconds: number;
  readonly requests: number;
  readonly failed: number;
  readonly failures: readonly Failure[];
  /** From the first to the last request that the new version answered; null when it answered none. */
  readonly exposureSeconds: number | null;
  readonly message: string;
}

/** The closing table. */
export function renderTable(chapters: readonly Chapter[]): string {
  const head = ['release', 'outcome', 'duration', 'requests', 'failed', 'new version answered for'];
  const rows = chapters.map((chapter) => [
    chapter.title,
    `${chapter.outcome}${chapter.isAsExpected ? '' : ' (not as expected)'}`,
    `${chapter.seconds.toFixed(0)} s`,
    chapter.requests.toLocaleString('en'),
    `${chapter.failed}`,
    chapter.exposureSeconds === null
      ? '–'
      : chapter.outcome === 'Promoted'
        ? 'still does'
        : `${chapter.exposureSeconds.toFixed(1)} s`,
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [line(head), rule, ...rows.map(line), ...chapters.flatMap(causes)].join('\n');
}

function causes({ title, failures, message }: Chapter): readonly string[] {
  const counts = new Map<string, number>();
  for (const { cause, status } of failures) {
    const key = `${status} ${cause}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const lines = [...counts].map(([cause, count]) => `    ${count} × ${cause}`);
  return ['', `  ${title}: ${message}`, ...(lines.length === 0 ? ['    no request failed'] : lines)];
}
