import type { Matcher } from '../lib/selector.ts';
import { type CounterSelector, fillSelector, matcherText, matchTest } from './counter-selector.ts';
import { DEFAULT_MEASURE, type Edge, type EdgeCallers, type Subject } from './port.ts';
import type { Arm, Role } from './tracked.ts';

/** A form of selector that differs between subjects only in the values of some labels, so that one query can ask for all of them. */
export interface Shape {
  /** Equal for equal shapes. */
  readonly id: string;
  readonly metric: string;
  /** Matchers that all have in common, as text. */
  readonly fixed: string;
  readonly labels: readonly ShapeLabel[];
  /** It is a histogram's buckets: an answer may be limited to some edges. */
  readonly hasEdges: boolean;
  /** Its samples are native histograms. */
  readonly isNative?: boolean;
}

/** A label whose value tells subjects apart: as a literal or as a pattern. */
export interface ShapeLabel {
  readonly name: string;
  readonly operator: '=' | '=~';
  /** False: told apart in the answer only, which keeps the query short. */
  readonly isAsked: boolean;
}

/** Series that a subject needs: of one shape, with these values of its labels, in their order. */
export interface Want {
  readonly shape: Shape;
  readonly values: readonly string[];
  readonly role: Role;
  /** Of the series that fit, only these. */
  readonly when?: (labels: Labels) => boolean;
}

/** Counts requests as their callers see them, with refused and unreachable ones. */
export const REQUESTS_METRIC = 'istio_requests_total';
/** How long they took, as their callers see it. */
export const DURATIONS_METRIC = 'istio_request_duration_milliseconds_bucket';
/** The same as native histograms. */
export const NATIVE_DURATIONS_METRIC = 'istio_request_duration_milliseconds';

const HOST_LABELS: readonly ShapeLabel[] = [
  { name: 'destination_service_name', operator: '=', isAsked: true },
  { name: 'destination_service_namespace', operator: '=', isAsked: false },
];

const REQUESTS = hostShape(REQUESTS_METRIC, false);
const DURATIONS = hostShape(DURATIONS_METRIC, true);
const NATIVE_DURATIONS: Shape = { ...hostShape(NATIVE_DURATIONS_METRIC, false), isNative: true };

/** All series that a subject needs; none when its selectors cannot be read. */
export function wantsOf(subject: Subject): readonly Want[] {
  const measure = subject.measure ?? DEFAULT_MEASURE;
  switch (measure.kind) {
    case 'requests':
    case 'faults':
      return hostWants(subject, REQUESTS, ['plain', 'stable', 'canary']);
    case 'durations':
      return [
        ...hostWants(subject, DURATIONS, ['stable', 'canary']),
        // Only what has been counted shows the edges of custom buckets, and the plain host has been called for longest.
        ...hostWants(subject, NATIVE_DURATIONS, ['plain', 'stable', 'canary']),
      ];
    case 'counters':
      // Without versions there is one thing to count.
      return armsOf(subject).flatMap((arm) => {
        const [bad, total] = [measure.bad, measure.total].map((text) => fillSelector(text, subject, subject[arm]));
        return bad === undefined || total === undefined ? [] : counterWants(bad, total, arm);
      });
  }
}

function armsOf({ edge }: Subject): readonly ('stable' | 'canary')[] {
  return edge === undefined ? ['stable', 'canary'] : ['canary'];
}

function hostShape(metric: string, hasEdges: boolean): Shape {
  return { id: metric, metric, fixed: 'reporter="source"', labels: HOST_LABELS, hasEdges };
}

function hostWants(subject: Subject, shape: Shape, arms: readonly Arm[]): readonly Want[] {
  const { namespace, service, edge } = subject;
  if (edge !== undefined) return edgeWants(edge, namespace, shape);
  return arms.map((arm) => {
    const host = arm === 'plain' ? service : `${service}-${subject[arm]}`;
    return { shape, values: [host, namespace], role: { arm, part: 'all' } };
  });
}

function edgeWants(
  { hosts, otherHosts = [], callers, control }: Edge,
  namespace: string,
  shape: Shape,
): readonly Want[] {
  const canary = { arm: 'canary', part: 'all' } as const;
  const stable = { arm: 'stable', part: 'all' } as const;
  const others = otherHosts.map((host): Want => ({ shape, values: [host, namespace], role: stable }));
  const isCaller = callers === null ? () => true : callerTest(callers);
  const isControl = control === undefined ? (labels: Labels) => !isCaller(labels) : callerTest(control);
  const own = hosts.flatMap((host): readonly Want[] => {
    const values = [host, namespace];
    if (callers === null) return [{ shape, values, role: canary }];
    return [
      { shape, values, role: canary, when: isCaller },
      { shape, values, role: stable, when: isControl },
    ];
  });
  return [...own, ...others];
}

type Labels = Readonly<Record<string, string>>;

function callerTest({ namespace, workloads, pods }: EdgeCallers): (labels: Labels) => boolean {
  const names = new Set(workloads);
  return (labels) =>
    labels['source_workload_namespace'] === namespace &&
    names.has(labels['source_workload'] ?? '') &&
    (pods === undefined || pods.some((beginning) => labels['pod']?.startsWith(beginning)));
}

function counterWants(bad: CounterSelector, total: CounterSelector, arm: Arm): readonly Want[] {
  const ofTotal: Want = { ...shaped(total), role: { arm, part: 'total' } };
  const extra = narrower(bad, total);
  const ofBad: Want =
    extra === undefined
      ? { ...shaped(bad), role: { arm, part: 'bad' } }
      : { ...shaped(total), role: { arm, part: 'bad' }, when: extra };
  return [ofTotal, ofBad];
}

/** The test that picks the bad ones out of the series of the total, where all of them are among those. */
function narrower(bad: CounterSelector, total: CounterSelector): Want['when'] {
  if (bad.metric !== total.metric || matcherText(bad.filled) !== matcherText(total.filled)) return undefined;
  const texts = new Set(total.fixed.map((matcher) => matcherText([matcher])));
  const extra = bad.fixed.filter((matcher) => !texts.delete(matcherText([matcher])));
  const tests = extra.map(matchTest);
  if (texts.size > 0 || tests.includes(undefined)) return undefined;
  return (labels) => tests.every((test) => test?.(labels) === true);
}

function shaped({ metric, fixed, filled }: CounterSelector): Pick<Want, 'shape' | 'values'> {
  const told = filled.filter(isTold);
  // What cannot be told apart in an answer is part of the shape: such a selector is asked for on its own.
  const common = matcherText([...fixed, ...filled.filter((matcher) => !isTold(matcher))]);
  const labels = told.map(({ label, operator }) => ({ name: label, operator, isAsked: true }));
  const id = `${metric}{${common}}${labels.map(({ name, operator }) => `${name}${operator}`).join(',')}`;
  return {
    shape: { id, metric, fixed: common, labels, hasEdges: false },
    values: told.map(({ value }) => value),
  };
}

function isTold(matcher: Matcher): matcher is Matcher & { operator: '=' | '=~' } {
  const { operator } = matcher;
  return (operator === '=' || operator === '=~') && matchTest(matcher) !== undefined;
}
