import { describe, expect, it } from 'vitest';
import type { Container, Probe } from './pod.ts';
import {
  activeProbes,
  afterTry,
  freshProbes,
  hasStarted,
  isReady,
  type ProbeName,
  type ProbeState,
  type ProbeStates,
} from './probe-state.ts';

const http: Probe = { httpGet: { port: 80 } };
const container = (probes: Partial<Container>): Container => ({ name: 'main', image: 'x', ...probes });

function tries(
  spec: Probe,
  results: readonly boolean[],
  options: { name?: ProbeName; before?: ProbeState } = {},
): ProbeState {
  const { name = 'readiness' } = options;
  let state = options.before ?? { dueAtMs: 0, successes: 0, failures: 0, outcome: undefined };
  for (const passed of results) state = afterTry(state, { name, spec, passed, startedAtMs: 0, nowMs: 60_000 });
  return state;
}

describe('a probe', () => {
  it('begins after its initial delay', () => {
    const probes = freshProbes(
      container({ readinessProbe: { ...http, initialDelaySeconds: 5 }, livenessProbe: http }),
      1_000,
    );
    expect(probes.readiness?.dueAtMs).toBe(6_000);
    expect(probes.liveness?.dueAtMs).toBe(1_000);
    expect(probes.startup).toBeUndefined();
  });

  it('fails only after failureThreshold failures in a row', () => {
    const spec = { ...http, failureThreshold: 3 };
    const before = tries(spec, [true]);
    expect(tries(spec, [false, false], { before }).outcome).toBe(true);
    expect(tries(spec, [false, false, true, false, false], { before }).outcome).toBe(true);
    expect(tries(spec, [false, false, false], { before }).outcome).toBe(false);
  });

  it('passes only after successThreshold successes in a row', () => {
    const spec = { ...http, successThreshold: 2 };
    expect(tries(spec, [true]).outcome).toBeUndefined();
    expect(tries(spec, [true, false, true]).outcome).toBeUndefined();
    expect(tries(spec, [true, true]).outcome).toBe(true);
  });

  it('comes again after its period, 10 s where none is given', () => {
    expect(tries({ ...http, periodSeconds: 2 }, [true]).dueAtMs).toBe(62_000);
    expect(tries(http, [true]).dueAtMs).toBe(70_000);
  });

  it('is asked often until a fresh container is ready for the first time', () => {
    const fresh: ProbeState = { dueAtMs: 0, successes: 0, failures: 0, outcome: undefined };
    const result = { name: 'readiness' as ProbeName, spec: { ...http, periodSeconds: 5 }, startedAtMs: 0, nowMs: 500 };
    expect(afterTry(fresh, { ...result, passed: false }).dueAtMs).toBe(700);
    expect(afterTry(fresh, { ...result, passed: true }).dueAtMs).toBe(5_500);
    expect(afterTry(fresh, { ...result, passed: false, nowMs: 10_000 }).dueAtMs).toBe(15_000);
    expect(afterTry(fresh, { ...result, name: 'startup', passed: false }).dueAtMs).toBe(5_500);
  });
});

describe('the probes of a container', () => {
  const settled = (outcome: boolean | undefined): ProbeState => ({ dueAtMs: 0, successes: 0, failures: 0, outcome });

  it.each<[string, ProbeStates, boolean, boolean]>([
    ['none', {}, true, true],
    ['an open readiness probe', { readiness: settled(undefined) }, true, false],
    ['a passed readiness probe', { readiness: settled(true) }, true, true],
    ['a failed readiness probe', { readiness: settled(false) }, true, false],
    ['an open startup probe', { startup: settled(undefined), readiness: settled(true) }, false, false],
    ['a passed startup probe alone', { startup: settled(true) }, true, true],
  ])('with %s', (_name, probes, started, ready) => {
    expect(hasStarted(probes)).toBe(started);
    expect(isReady(probes)).toBe(ready);
  });

  it('wait for the startup probe', () => {
    expect(activeProbes({ startup: settled(undefined), readiness: settled(undefined) })).toEqual(['startup']);
    expect(
      activeProbes({ startup: settled(true), readiness: settled(undefined), liveness: settled(undefined) }),
    ).toEqual(['readiness', 'liveness']);
    expect(activeProbes({ startup: settled(false), readiness: settled(undefined) })).toEqual([]);
  });
});
