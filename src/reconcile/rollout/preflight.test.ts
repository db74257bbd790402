import { describe, expect, it } from 'vitest';
import { specWith } from '../../../test/support/sample-spec.ts';
import { SteppedClock } from '../../../test/support/stepped-clock.ts';
import type { KubeObject, ObjectRef } from '../../kube/port.ts';
import type { Inspection } from '../../metrics/inspection.ts';
import { createPreflight, type PreflightRequest } from './preflight.ts';

const PLACE = { namespace: 'shop', stable: 'aa', canary: 'bb', since: null };
const KEY = 'shop/checkout';
const FINE: Inspection = { problem: null, past: [], warnings: [] };
const REFUSED: Inspection = { problem: { reason: 'MetricUnknown', message: 'no such metric' }, past: [], warnings: [] };

function scene(inspect: () => Promise<Inspection>, slos: Readonly<Record<string, KubeObject>> = {}) {
  const clock = new SteppedClock(0);
  const logged: object[] = [];
  let asked = 0;
  const preflight = createPreflight({
    clock,
    kube: { get: async <T extends KubeObject>({ name }: ObjectRef) => slos[name] as T | undefined },
    inspector: {
      inspect: () => {
        asked++;
        return inspect();
      },
    },
    log: { error: (fields) => logged.push(fields) },
  });
  const answered: string[] = [];
  preflight.onAnswer((key) => answered.push(key));
  const request: PreflightRequest = { spec: specWith(), place: PLACE, named: '' };
  return {
    clock,
    preflight,
    logged,
    answered,
    request,
    asked: () => asked,
    /** Asks, lets the answer come, and gives it. */
    async ask(other = request) {
      preflight.ask(KEY, other);
      await clock.advance(0);
      return preflight.ask(KEY, other);
    },
  };
}

describe('the question before a release', () => {
  it('is open until it is answered, and then says so', async () => {
    const { preflight, request, clock, answered } = scene(async () => FINE);
    expect(preflight.ask(KEY, request)).toMatchObject({ state: 'pending' });
    await clock.advance(0);
    expect(answered).toEqual([KEY]);
    expect(preflight.ask(KEY, request)).toMatchObject({ state: 'passed' });
  });

  it('is asked again after 15 s where it was answered, and less and less often where only an edit helps', async () => {
    const passed = scene(async () => FINE);
    const refused = scene(async () => REFUSED);
    for (const { ask, clock } of [passed, refused]) {
      for (let second = 0; second < 300; second += 15, await clock.advance(15_000)) await ask();
    }
    expect(passed.asked()).toBe(20);
    expect(refused.asked()).toBe(5);
  });

  it('is asked at once when something else is to be judged', async () => {
    const { ask, asked, request } = scene(async () => REFUSED);
    await ask();
    await ask({ ...request, spec: specWith({ analysis: { minRequests: 7 } }) });
    expect(asked()).toBe(2);
  });

  it('is asked at once when an object that the spec may name has changed, even in a long pause', async () => {
    const { ask, asked, request, clock } = scene(async () => REFUSED);
    for (let minute = 0; minute < 5; minute++, await clock.advance(60_000)) await ask();
    const before = asked();
    await ask({ ...request, named: 'MetricsSource/1/2' });
    expect(asked()).toBe(before + 1);
  });

  it('is asked again every 15 s where the source does not answer', async () => {
    const { ask, asked, clock } = scene(async () => ({
      problem: { reason: 'SourceUnavailable', message: 'no answer' },
      past: [],
      warnings: [],
    }));
    for (let second = 0; second < 300; second += 15, await clock.advance(15_000)) await ask();
    expect(asked()).toBe(20);
  });

  it('never ends the process, whatever goes wrong in the background', async () => {
    const { ask, logged } = scene(() => Promise.reject(new TypeError('x is not a function')));
    expect(await ask()).toMatchObject({
      state: 'failed',
      reason: 'PreflightFailed',
      message: expect.stringContaining('the objectives cannot be read: x is not a function'),
    });
    expect(logged).toHaveLength(1);
  });

  it('goes on after such an error, less and less often', async () => {
    let fails = true;
    const { ask, asked, clock } = scene(() => (fails ? Promise.reject(new TypeError('oh')) : Promise.resolve(FINE)));
    for (let second = 0; second < 300; second += 15, await clock.advance(15_000)) await ask();
    expect(asked()).toBe(5);
    fails = false;
    await clock.advance(120_000);
    expect(await ask()).toMatchObject({ state: 'passed' });
  });

  it('does not end the process either when nobody can be told of the answer', async () => {
    const { ask, logged, preflight } = scene(async () => FINE);
    preflight.onAnswer(() => {
      throw new Error('the queue is closed');
    });
    expect(await ask()).toMatchObject({ state: 'passed' });
    expect(logged).toHaveLength(1);
  });

  it('forgets an answer that came after the question changed', async () => {
    let resolve: (inspection: Inspection) => void = () => undefined;
    const { preflight, request, clock, answered } = scene(() => new Promise((settle) => (resolve = settle)));
    preflight.ask(KEY, request);
    const first = resolve;
    await clock.advance(0);
    preflight.forget(KEY);
    first(REFUSED);
    await clock.advance(0);
    expect(answered).toEqual([]);
  });
});

describe('an objective by name', () => {
  const byName = { objectives: [{ name: 'slo', objectiveRef: { name: 'checkout-slo' } }] };
  const slo = (spec: object): KubeObject => ({
    ...{ apiVersion: 'sluice.dev/v1alpha1', kind: 'ServiceLevelObjective', metadata: { name: 'checkout-slo' } },
    ...{ spec },
  });

  it.each([
    ['ObjectiveUnknown', 'create it or correct the name', {}],
    ['ObjectiveInvalid', 'spec.requests', { 'checkout-slo': slo({ requests: {} }) }],
  ])('is %s with its cure', async (reason, cure, slos) => {
    const { ask, request } = scene(async () => FINE, slos);
    expect(await ask({ ...request, spec: specWith(byName) })).toMatchObject({
      state: 'failed',
      reason,
      message: expect.stringContaining(cure),
    });
  });

  it('is judged by what it says', async () => {
    const slos = { 'checkout-slo': slo({ requests: { successRatio: 99 } }) };
    const { ask, request } = scene(async () => FINE, slos);
    expect(await ask({ ...request, spec: specWith(byName) })).toMatchObject({
      state: 'passed',
      spec: { objectives: [{ name: 'slo', requests: { successRatio: 99 } }] },
    });
  });
});
