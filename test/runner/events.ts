/** What the Vitest process tells the test runner, one line each, while tests run. */
export type TestEvent =
  | { readonly kind: 'moduleStarted'; readonly file: string }
  | { readonly kind: 'testStarted'; readonly file: string; readonly name: string }
  | {
      readonly kind: 'testEnded';
      readonly file: string;
      readonly name: string;
      readonly outcome: 'passed' | 'failed' | 'skipped';
      /** Why it was skipped; absent where the test gave no reason. */
      readonly reason?: string;
      readonly errors?: readonly string[];
    }
  | { readonly kind: 'moduleEnded'; readonly file: string; readonly elapsedMs: number }
  /** Something failed outside any test: an import, a hook, an unhandled rejection. */
  | { readonly kind: 'brokenOutsideTests'; readonly file: string; readonly errors: readonly string[] }
  | { readonly kind: 'logged'; readonly file: string; readonly text: string }
  | { readonly kind: 'runEnded' };

/** Marks a line of the child's output as an event; the ASCII record separator never stands in ordinary output. */
const EVENT_MARK = '\u001e';

/** The line, without its line break, that carries `event`. */
export function encodeEvent(event: TestEvent): string {
  return `${EVENT_MARK}${JSON.stringify(event)}`;
}

/** The event in `line`, or undefined where the line is ordinary output. */
export function decodeEvent(line: string): TestEvent | undefined {
  return line.startsWith(EVENT_MARK) ? (JSON.parse(line.slice(EVENT_MARK.length)) as TestEvent) : undefined;
}
