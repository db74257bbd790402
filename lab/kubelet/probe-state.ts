import type { Container, Probe } from './pod.ts';

export type ProbeName = 'startup' | 'readiness' | 'liveness';

/** Where one probe of a running container stands. */
export interface ProbeState {
  /** When the next try is due; Infinity while one is under way. */
  readonly dueAtMs: number;
  readonly successes: number;
  readonly failures: number;
  /** What the thresholds have settled on; undefined until the first success or enough failures. */
  readonly outcome: boolean | undefined;
}

/** The probes of one container by name; those that it lacks are absent. */
export type ProbeStates = Readonly<Partial<Record<ProbeName, ProbeState>>>;

/**
 * Until a container is ready for the first time its readiness is asked this often, if its period is longer: lab pods start in a
 * fraction of a second, and the wait for the next period would be most of their start.
 */
const FIRST_PASS_PERIOD_MS = 200;
const FIRST_PASS_MS = 10_000;

/** The spec of the container's probe of that name. */
export function probeSpec(container: Container, name: ProbeName): Probe | undefined {
  return { startup: container.startupProbe, readiness: container.readinessProbe, liveness: container.livenessProbe }[
    name
  ];
}

/** The probes of a container that has just started. */
export function freshProbes(container: Container, startedAtMs: number): ProbeStates {
  const states: Partial<Record<ProbeName, ProbeState>> = {};
  for (const name of ['startup', 'readiness', 'liveness'] as const) {
    const spec = probeSpec(container, name);
    if (!spec) continue;
    const dueAtMs = startedAtMs + (spec.initialDelaySeconds ?? 0) * 1000;
    states[name] = { dueAtMs, successes: 0, failures: 0, outcome: undefined };
  }
  return states;
}

/** True once the startup probe has passed, or there is none. */
export function hasStarted(probes: ProbeStates): boolean {
  return probes.startup === undefined || probes.startup.outcome === true;
}

/** True when the container is started and its readiness probe, if it has one, has passed. */
export function isReady(probes: ProbeStates): boolean {
  return hasStarted(probes) && (probes.readiness === undefined || probes.readiness.outcome === true);
}

/** The probes that may run in this phase: the startup probe alone until it has passed, then the others. */
export function activeProbes(probes: ProbeStates): readonly ProbeName[] {
  if (!hasStarted(probes)) return probes.startup?.outcome === false ? [] : ['startup'];
  return (['readiness', 'liveness'] as const).filter((name) => probes[name] !== undefined);
}

/** The state while a try is under way. */
export function probing(state: ProbeState): ProbeState {
  return { ...state, dueAtMs: Number.POSITIVE_INFINITY };
}

/** The state after a try that ended at `nowMs`. */
export function afterTry(
  state: ProbeState,
  result: {
    readonly name: ProbeName;
    readonly spec: Probe;
    readonly passed: boolean;
    readonly startedAtMs: number;
    readonly nowMs: number;
  },
): ProbeState {
  const { name, spec, passed, nowMs } = result;
  const successes = passed ? state.successes + 1 : 0;
  const failures = passed ? 0 : state.failures + 1;
  let outcome = state.outcome;
  if (successes >= (spec.successThreshold ?? 1)) outcome = true;
  if (failures >= (spec.failureThreshold ?? 3)) outcome = false;
  const periodMs = Math.max(1, spec.periodSeconds ?? 10) * 1000;
  const isFirstPass = name !== 'liveness' && outcome === undefined && nowMs - result.startedAtMs < FIRST_PASS_MS;
  // A startup probe's failures are counted per period; asking more often would use them up.
  const isEarly = isFirstPass && name === 'readiness';
  return {
    successes,
    failures,
    outcome,
    dueAtMs: nowMs + (isEarly ? Math.min(periodMs, FIRST_PASS_PERIOD_MS) : periodMs),
  };
}
