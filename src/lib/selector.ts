export type MatchOperator = '=' | '!=' | '=~' | '!~';

export interface Matcher {
  readonly label: string;
  readonly operator: MatchOperator;
  /** Without quotes, escapes resolved; may hold templates such as `{{revision}}`. */
  readonly value: string;
}

/** One metric and what its labels must be. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

// The patterns are compared by RE2 too, in the API server's rules: no lookaround, no `\s`. Quotes and backslashes are written as \x22,
// \x27, \x60 and \x5c, so that the patterns can stand in any quotes.
const SPACE = '[ \\t\\n\\r]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*';
const quoted = (quote: string) => `${quote}([^${quote}\\x5c\\n]|\\x5c[abfnrtv\\x5c${quote}])*${quote}`;
const STRING = `(${quoted('\\x22')}|${quoted('\\x27')}|\\x60[^\\x60]*\\x60)`;
const MATCHER = `${LABEL}${SPACE}(=~|!~|!=|=)${SPACE}${STRING}`;
const MATCHERS = `${MATCHER}${SPACE}(,${SPACE}${MATCHER}${SPACE})*(,${SPACE})?`;

/** An instant vector selector of PromQL that begins with the metric's name. */
export const SELECTOR_PATTERN = new RegExp(
  `^${SPACE}[a-zA-Z_:][a-zA-Z0-9_:]*${SPACE}([{]${SPACE}(${MATCHERS})?[}]${SPACE})?$`,
);

/** The selector that a text is, or undefined where {@link SELECTOR_PATTERN} does not fit. */
export function parseSelector(text: string): Selector | undefined {
  if (!SELECTOR_PATTERN.test(text)) return undefined;
  const [, metric = '', rest = ''] = /^\s*([\w:]+)(.*)$/s.exec(text) ?? [];
  const matchers = [...rest.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)/g)];
  return {
    metric,
    matchers: matchers.map(([, label = '', operator = '', value = '']) => ({
      label,
      operator: operator as MatchOperator,
      value: unquoted(value),
    })),
  };
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function unquoted(text: string): string {
  const inner = text.slice(1, -1);
  return text.startsWith('`') ? inner : inner.replace(/\\(.)/g, (_whole, letter: string) => ESCAPES[letter] ?? letter);
}
