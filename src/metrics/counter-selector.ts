import { type Matcher, parseSelector } from '../lib/selector.ts';
import type { Subject } from './port.ts';

/** A user's selector for one version, in the parts by which selectors of many releases are asked for together. */
export interface CounterSelector {
  readonly metric: string;
  /** Matchers without templates, the same for every release. */
  readonly fixed: readonly Matcher[];
  /** Matchers that held a template, with it filled in. */
  readonly filled: readonly Matcher[];
}

/** `{{revision}}`, `{{service}}`, `{{namespace}}`. */
const TEMPLATE = /\{\{\s*(revision|service|namespace)\s*\}\}/g;

/** Fills in a selector for the version `revision` of the subject's service; undefined when the text is no selector. */
export function fillSelector(
  text: string,
  { namespace, service }: Pick<Subject, 'namespace' | 'service'>,
  revision: string,
): CounterSelector | undefined {
  const selector = parseSelector(text);
  if (selector === undefined) return undefined;
  const { metric, matchers } = selector;
  const values: Record<string, string> = { namespace, service, revision };
  const fill = ({ label, operator, value }: Matcher): Matcher => {
    const isPattern = operator === '=~' || operator === '!~';
    const filled = value.replace(TEMPLATE, (_, name: string) => {
      const literal = values[name] ?? '';
      return isPattern ? escapePattern(literal) : literal;
    });
    return { label, operator, value: filled };
  };
  const isTemplated = ({ value }: Matcher) => value.search(TEMPLATE) >= 0;
  return {
    metric,
    fixed: matchers.filter((matcher) => !isTemplated(matcher)),
    filled: matchers.filter(isTemplated).map(fill),
  };
}

/** The matchers as they stand between the braces of a selector. */
export function matcherText(matchers: readonly Matcher[]): string {
  return matchers.map(({ label, operator, value }) => `${label}${operator}"${quotable(value)}"`).join(',');
}

/** Whether a label's value, empty where it is missing, satisfies a matcher; undefined where only the source can tell. */
export function matchTest({ label, operator, value }: Matcher): ((labels: Labels) => boolean) | undefined {
  switch (operator) {
    case '=':
      return (labels) => (labels[label] ?? '') === value;
    case '!=':
      return (labels) => (labels[label] ?? '') !== value;
    case '=~':
    case '!~': {
      const pattern = patternOf(value);
      return pattern && ((labels) => pattern.test(labels[label] ?? '') === (operator === '=~'));
    }
  }
}

type Labels = Readonly<Record<string, string>>;

/** What Go's and our regular expressions do not mean alike: flags, anchors, classes by name, quoted text. */
const FOREIGN_SYNTAX = /\(\?(?!:)|\\[^\\.*+?()[\]{}|^$/\-dDwWsSntr]|\[\[:|[\^$]/;

/** The pattern as ours, matching whole values; undefined where that might not match the same. */
function patternOf(source: string): RegExp | undefined {
  if (FOREIGN_SYNTAX.test(source.replace(/\\[\\^$]/g, ''))) return undefined;
  try {
    return new RegExp(`^(?:${source})$`, 'su');
  } catch {
    return undefined;
  }
}

/** A literal as part of a pattern. */
export function escapePattern(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** Text as it stands between the quotes of a PromQL string. */
export function quotable(text: string): string {
  return text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n');
}
