import { type Command, runChild, type StartChild } from './child.ts';
import { decodeEvent, type TestEvent } from './events.ts';
import type { Counts } from './tally.ts';
import type { Terminal } from './terminal.ts';
import type { TierContext } from './tier.ts';

export interface VitestRun {
  /** Name of the Vitest project, which is the tier's name. */
  readonly project: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Files at the same time. Default: what the Vitest configuration says. */
  readonly maxWorkers?: number;
  /** How to start Vitest, where not as a plain child process. */
  readonly start?: StartChild;
}

/** A line that a test writes with this in front is shown although the test passes. */
const NOTE = 'note: ';

/** What is known of one test file while it runs. */
interface FileProgress {
  passed: number;
  failed: number;
  skipped: number;
  /** What its tests wrote; shown only when one fails. */
  output: string;
}

/** Runs one tier's test files in a Vitest process of their own and counts every test as it ends. */
export async function runVitest(run: VitestRun, context: TierContext): Promise<void> {
  const tracker = trackEvents(context.counts, context.terminal);
  const command: Command = [
    process.execPath,
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    run.project,
    '--reporter',
    './test/runner/vitest-reporter.ts',
    ...(run.maxWorkers === undefined ? [] : ['--maxWorkers', String(run.maxWorkers)]),
    ...(context.filter === undefined ? [] : [context.filter]),
  ];
  const { signal } = context;
  const code = await runChild(command, { signal, env: run.env, start: run.start, onLine: tracker.take });
  if (!signal.aborted) tracker.close(code);
}

/** Turns the child's lines into counts; what is not an event is kept to explain a crash. */
export function trackEvents(counts: Counts, terminal: Terminal) {
  const files = new Map<string, FileProgress>();
  const otherLines: string[] = [];
  let hasEnded = false;
  const take = (line: string) => {
    const event = decodeEvent(line);
    if (event === undefined) {
      if (line.trim() !== '') otherLines.push(line);
    } else if (event.kind === 'runEnded') {
      hasEnded = true;
    } else {
      takeEvent(event, { counts, terminal, files });
    }
  };
  const close = (code: number) => {
    // A failed test and a tier without files also make Vitest's exit code 1; only an end that nothing explains is a
    // failure of its own.
    const isExplained = hasEnded && (code === 0 || counts.failures.length > 0 || files.size === 0);
    if (!isExplained) {
      const text = [`vitest ended with exit code ${code}`, ...otherLines].join('\n');
      counts.failures.push({ name: 'the test process broke off', text });
    }
  };
  return { take, close };
}

function takeEvent(
  event: Exclude<TestEvent, { kind: 'runEnded' }>,
  state: {
    readonly counts: Counts;
    readonly terminal: Terminal;
    readonly files: Map<string, FileProgress>;
  },
): void {
  const { counts, terminal, files } = state;
  const file = files.get(event.file) ?? { passed: 0, failed: 0, skipped: 0, output: '' };
  files.set(event.file, file);
  switch (event.kind) {
    case 'moduleStarted':
      terminal.activity(event.file);
      return;
    case 'testStarted':
      terminal.activity(`${event.file}  ${event.name}`);
      return;
    case 'testEnded':
      file[event.outcome] += 1;
      countTest(event, counts);
      if (event.outcome === 'failed') terminal.line(`  FAILED  ${event.file}  ${event.name}`);
      return;
    case 'brokenOutsideTests':
      file.failed += 1;
      counts.failures.push({ name: `${event.file} (outside its tests)`, text: event.errors.join('\n') });
      return;
    case 'logged':
      file.output += event.text;
      for (const line of event.text.split('\n').filter((text) => text.startsWith(NOTE))) terminal.line(`  ${line}`);
      return;
    case 'moduleEnded':
      terminal.line(describeFile(event, file));
      if (file.failed > 0 && file.output !== '') terminal.line(`  output of ${event.file}:\n${file.output}`);
  }
}

function describeFile(event: Extract<TestEvent, { kind: 'moduleEnded' }>, file: FileProgress): string {
  const outcome = file.failed === 0 ? 'ok    ' : 'FAILED';
  const counts = `${file.passed} passed${countWord(file.failed, 'failed')}${countWord(file.skipped, 'skipped')}`;
  return `  ${outcome}  ${event.file}  ${counts}  ${(event.elapsedMs / 1000).toFixed(1)} s`;
}

function countTest(event: Extract<TestEvent, { kind: 'testEnded' }>, counts: Counts): void {
  const name = `${event.file}  ${event.name}`;
  if (event.outcome === 'passed') counts.passed += 1;
  else if (event.outcome === 'failed') counts.failures.push({ name, text: (event.errors ?? []).join('\n') });
  else if (event.reason !== undefined) counts.skips.push({ name, reason: event.reason });
  else counts.failures.push({ name, text: 'skipped without a reason: skip with context.skip(reason)' });
}

function countWord(count: number, word: string): string {
  return count === 0 ? '' : `, ${count} ${word}`;
}
