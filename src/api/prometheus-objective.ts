import { z } from 'zod';
import { SELECTOR_PATTERN } from '../lib/selector.ts';
import { objectRef, percentBelow100 } from './fields.ts';
import { type Rule, withRule } from './rule.ts';

const MAX_SELECTOR = 1024;
const EXAMPLE = 'orders_failed_total{version="{{revision}}"}';

// As in src/lib/selector.ts: patterns for RE2 and JavaScript alike.
const QUOTED = `${quotedText('\\x22')}|${quotedText('\\x27')}|\\x60[^\\x60]*\\x60`;
const BEFORE = `^([^\\x22\\x27\\x60]|${QUOTED})*`;
/** Something outside of quotes that no selector has, but an expression. */
const EXPRESSION = new RegExp(`${BEFORE}([()+*/%^<>@-]|\\[|\\]|[} \\t\\n\\r](offset|and|or|unless)[ \\t\\n\\r])`);
const NAME_MATCHER = new RegExp(`${BEFORE}__name__`);
const inQuotes = (quote: string) => `${quote}[^${quote}]*[{][{]revision[}][}][^${quote}]*${quote}`;
const PICKS_REVISION = new RegExp(`[^!]=~?[ \\t\\n\\r]*(${['\\x22', '\\x27', '\\x60'].map(inQuotes).join('|')})`);
const REVISION = '{{revision}}';
const TEMPLATES = [REVISION, '{{service}}', '{{namespace}}'];

function quotedText(quote: string): string {
  return `${quote}([^${quote}\\x5c]|\\x5c.)*${quote}`;
}

const matches = (pattern: RegExp) => `self.matches(r'${pattern.source}')`;
const withoutTemplates = (text: string) => TEMPLATES.reduce((rest, template) => rest.replaceAll(template, ''), text);
const withoutTemplatesCel = TEMPLATES.reduce((rest, template) => `${rest}.replace('${template}', '')`, 'self');
const hasUnknownTemplate = (text: string) => withoutTemplates(text).includes('{{');

/** A selector of one version's counters. */
function versionSelector(meaning: string): z.ZodString {
  return withRule(selector(), {
    cel: `!${matches(SELECTOR_PATTERN)} || ${withoutTemplatesCel}.contains('{{') || ${matches(PICKS_REVISION)}`,
    holds: (text) => !SELECTOR_PATTERN.test(text) || hasUnknownTemplate(text) || PICKS_REVISION.test(text),
    message:
      'must pick one version by a matcher with {{revision}}, such as version="{{revision}}" (the pod-template-hash of its pods)',
  }).describe(meaning);
}

function selector(): z.ZodString {
  const raw = withRule(z.string().max(MAX_SELECTOR), {
    cel: `!${matches(EXPRESSION)}`,
    holds: (text) => !EXPRESSION.test(text),
    message: `must select raw counters, without functions such as rate(), ranges, offsets and arithmetic: write only the name and its labels, such as ${EXAMPLE}; Sluice counts their growth itself`,
  });
  const formed = withRule(raw, {
    cel: `${matches(EXPRESSION)} || ${matches(SELECTOR_PATTERN)}`,
    holds: (text) => EXPRESSION.test(text) || SELECTOR_PATTERN.test(text),
    message: `must be the name of a metric and matchers in braces (=, !=, =~ or !~, values in quotes, templates in values only), such as ${EXAMPLE}`,
  });
  const named = withRule(formed, {
    cel: `!${matches(SELECTOR_PATTERN)} || !${matches(NAME_MATCHER)}`,
    holds: (text) => !SELECTOR_PATTERN.test(text) || !NAME_MATCHER.test(text),
    message: 'must not match __name__: the name of the metric stands before the braces',
  });
  return withRule(named, {
    cel: `!${matches(SELECTOR_PATTERN)} || !${withoutTemplatesCel}.contains('{{')`,
    holds: (text) => !SELECTOR_PATTERN.test(text) || !hasUnknownTemplate(text),
    message: `has a template that is not known: there are ${TEMPLATES.join(', ')}, written without spaces`,
  });
}

const ratio = () =>
  percentBelow100(
    'Share of what was tried that must not be bad, in percent: more than 1, less than 100, such as 99.9.',
  );

const source = () =>
  objectRef(
    "The MetricsSource in this object's namespace that has the counters. Default: the controller's own.",
    'Name of the MetricsSource.',
  ).exactOptional();

const notTheSame: Rule<{ readonly bad: string; readonly total: string }> = {
  cel: 'self.bad != self.total',
  holds: ({ bad, total }) => bad !== total,
  field: 'bad',
  message: 'must not be the same as total: select only what failed, such as by status="failed"',
};

/** `prometheus` of an objective: two counters of the user's own. */
export const prometheusSchema = withRule(
  z.strictObject({
    bad: versionSelector(
      'Selector of the counters of what failed, such as `orders_failed_total{version="{{revision}}"}`. A raw counter, never a rate or a ratio. `{{revision}}` is replaced by each version in turn, `{{service}}` and `{{namespace}}` by those of the Rollout.',
    ),
    total: versionSelector(
      'Selector of the counters of all that was tried, those that failed included; written as `bad`.',
    ),
    ratio: ratio(),
    sourceRef: source(),
  }),
  notTheSame,
).describe(
  'Judge two counters of yours. They must tell the versions apart by a label that holds the revision (the pod-template-hash label of the pods).',
);

/** `prometheus` of an experiment's objective: the same, of all versions or of one. */
export const experimentPrometheusSchema = withRule(
  z.strictObject({
    bad: selector().describe(
      'Selector of the counters of what failed, such as `orders_failed_total{service="{{service}}"}`. A raw counter, never a rate or a ratio. `{{service}}` and `{{namespace}}` are replaced by those of the steady state; `{{revision}}` only with `callers.revision`, by each version in turn.',
    ),
    total: selector().describe(
      'Selector of the counters of all that was tried, those that failed included; written as `bad`.',
    ),
    ratio: ratio(),
    sourceRef: source(),
  }),
  notTheSame,
).describe('Judge two counters of yours.');

/** Whether the counters are those of one version. */
export function namesRevision({ bad, total }: { readonly bad: string; readonly total: string }): boolean {
  return [bad, total].some((text) => text.includes(REVISION));
}
