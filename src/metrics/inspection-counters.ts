import type { Matcher } from '../lib/selector.ts';
import { type CounterSelector, fillSelector, matcherText } from './counter-selector.ts';
import { HOUR_MS, type Inquiry } from './inquiry.ts';
import { type Inspection, type Objection, refused } from './inspection.ts';
import { type Past, readPast, restWants } from './inspection-past.ts';
import type { Measure } from './port.ts';

/** One of the two selectors, filled in for each version. */
interface Counter {
  readonly field: 'prometheus.bad' | 'prometheus.total';
  readonly stable: CounterSelector;
  readonly canary: CounterSelector;
}

/** So many falls among so many changes are no restarts any more. */
const FALLING_SHARE = 0.2;
const FEWEST_CHANGES = 10;
/** Two counters are scraped at different moments: this many failures too many, and this share, are no mistake yet. */
const TOLERATED_SURPLUS = 5;
const TOLERATED_SURPLUS_SHARE = 0.01;

/** Whether the two selectors are counters that exist, are stable's now and can be told apart between versions. */
export async function inspectCounters(
  inquiry: Inquiry,
  measure: Extract<Measure, { kind: 'counters' }>,
): Promise<Inspection> {
  const warnings: string[] = [];
  for (const part of ['total', 'bad'] as const) {
    const counter = counterOf(inquiry, part, measure[part]);
    if (counter === undefined) {
      return refused(
        'SelectorInvalid',
        `prometheus.${part}: ${measure[part]} is no selector of one counter: write it as name{label="{{revision}}"}, without functions or ranges`,
      );
    }
    const objection = (await typeObjection(inquiry, counter)) ?? (await shareObjection(inquiry, counter));
    if (objection !== null) return { problem: objection, past: [], warnings };
    if (!(await exists(inquiry, selectorOf(counter.stable)))) {
      const missing = missingSeries(inquiry, counter);
      if (part === 'total')
        return refused('SeriesMissing', `${missing}: correct the labels, or wait until stable exports it`);
      warnings.push(`${missing}: right only if a failure has never happened and the first one makes the series`);
    }
  }
  const past = await readPast({ ...inquiry, edges: [], wants: restWants(inquiry.subject) }, inquiry.signal);
  const problem = valueObjection(past, measure) ?? surplusObjection(past);
  if (past.counts.length === 0) {
    warnings.push(
      `prometheus.total: it has not grown in the last hour: without traffic nothing can be shown, good or bad`,
    );
  }
  return { problem, past: problem === null ? past.counts : [], warnings };
}

function counterOf({ subject }: Inquiry, part: 'bad' | 'total', text: string): Counter | undefined {
  const stable = fillSelector(text, subject, subject.stable);
  const canary = fillSelector(text, subject, subject.canary);
  return stable === undefined || canary === undefined ? undefined : { field: `prometheus.${part}`, stable, canary };
}

/** Whether the metric exists, and is a counter as far as its exporter says what it is. */
async function typeObjection(inquiry: Inquiry, { field, stable: { metric } }: Counter): Promise<Objection | null> {
  const { client, signal } = inquiry;
  if (!(await exists(inquiry, metric))) {
    const type = await client.typeOf(metric, signal);
    const native = type === 'histogram' ? `; it is a histogram: take ${metric}_count or a bucket` : '';
    return {
      reason: type === 'histogram' ? 'NotACounter' : 'MetricUnknown',
      message: `${field}: ${client.name} has no ${metric} of the last hour${native}: correct the name, or have it exported and scraped, with 0 before the first event`,
    };
  }
  const type = await client.typeOf(metric, signal);
  if (type === undefined || type === 'counter' || type === 'unknown') return null;
  const cure =
    type === 'histogram' || type === 'summary'
      ? `take ${metric}_count or a bucket`
      : 'name a counter, which only grows';
  return { reason: 'NotACounter', message: `${field}: ${metric} is a ${type}, not a counter: ${cure}` };
}

/** Whether a series fits both versions' selectors: then neither counts its own. */
async function shareObjection(inquiry: Inquiry, { field, stable, canary }: Counter): Promise<Objection | null> {
  const { metric, fixed } = stable;
  const both = `${metric}{${matcherText([...fixed, ...stable.filled, ...canary.filled])}}`;
  if (!(await exists(inquiry, both))) return null;
  const labels = [...new Set(stable.filled.map(({ label }: Matcher) => label))].join(', ');
  return {
    reason: 'SeriesShared',
    message: `${field}: there are series that fit revision ${inquiry.subject.stable} and revision ${inquiry.subject.canary} alike: match {{revision}} exactly, as in ${labels || 'label'}="{{revision}}"`,
  };
}

function missingSeries({ subject, client }: Inquiry, { field, stable }: Counter): string {
  return `${field}: ${client.name} has no series ${selectorOf(stable)} of the last hour, which would be revision ${subject.stable}, the stable one`;
}

function valueObjection({ shape }: Past, { total }: Extract<Measure, { kind: 'counters' }>): Objection | null {
  const { changes, falls, fraction } = shape;
  if (fraction !== undefined) {
    return {
      reason: 'NotACounter',
      message: `prometheus: it has values such as ${fraction}, so it is a ratio or a rate, not a count of events: name the raw counters, whose values are whole numbers; Sluice divides them itself`,
    };
  }
  if (changes < FEWEST_CHANGES || falls < FALLING_SHARE * changes) return null;
  return {
    reason: 'NotACounter',
    message: `prometheus: values fell ${falls} of ${changes} times that they changed, and a counter falls only when its process starts anew: name counters in bad and total (${total})`,
  };
}

function surplusObjection({ counts, surplus }: Past): Objection | null {
  const requests = counts.reduce((sum, part) => sum + part.requests, 0);
  if (surplus <= Math.max(TOLERATED_SURPLUS, TOLERATED_SURPLUS_SHARE * requests)) return null;
  return {
    reason: 'BadExceedsTotal',
    message: `prometheus.bad: it grew by ${surplus} more than prometheus.total (${requests}) in the last hour: total must count every event, the bad ones too`,
  };
}

function selectorOf({ metric, fixed, filled }: CounterSelector): string {
  return `${metric}{${matcherText([...fixed, ...filled])}}`;
}

async function exists({ client, signal }: Inquiry, selector: string): Promise<boolean> {
  return (await client.labelValues({ label: '__name__', selector, windowMs: HOUR_MS }, signal)).length > 0;
}
