import { describe, expect, it } from 'vitest';
import { createFakeKube, type FakeKube } from '../../../test/support/fake-kube.ts';
import { SteppedClock } from '../../../test/support/stepped-clock.ts';
import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import { kinds } from '../../kube/kinds.ts';
import type { KubeObject } from '../../kube/port.ts';
import { reconcileSchedule } from './reconcile.ts';

const NOON = Date.parse('2026-01-02T12:00:00Z');
const MINUTE_MS = 60_000;
const WRITER = { fieldManager: 'test' } as const;
const RUN = {
  target: { service: { name: 'payments', port: 80 } },
  callers: { matchLabels: { app: 'checkout' } },
  fault: { abort: { httpStatus: 503 } },
  ramp: [{ percentage: 1, for: '30s' }],
};

type Experiment = ChaosExperiment & KubeObject;

function scene(failOn: (verb: string, kind: string) => boolean = () => false) {
  const clock = new SteppedClock(NOON);
  const kube = createFakeKube({
    now: () => clock.now(),
    intercept: ({ verb, kind }) => {
      if (failOn(verb, kind.kind)) throw new Error('killed');
    },
  });
  const ports = {
    ...{ kube, clock, events: { record: () => undefined } },
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  };
  return {
    clock,
    kube,
    create: (spec: object = {}, namespace = 'shop') => {
      const { apiVersion, kind } = kinds.chaosSchedule;
      const object = {
        ...{ apiVersion, kind, metadata: { name: 'nightly', namespace } },
        spec: { schedule: '*/10 * * * *', template: { spec: RUN }, ...spec },
      };
      return kube.create<KubeObject>(kinds.chaosSchedule, object, WRITER);
    },
    look: (namespace = 'shop') => reconcileSchedule(ports, namespace, 'nightly'),
    /** Lets time pass, looking whenever the reconcile asked for it. */
    async pass(ms: number, namespace = 'shop') {
      const until = clock.now() + ms;
      for (;;) {
        const { nextLookAt } = await reconcileSchedule(ports, namespace, 'nightly');
        if (nextLookAt === null) throw new Error('no next look');
        if (nextLookAt > until) break;
        await clock.advance(Math.max(1, nextLookAt - clock.now()));
      }
      await clock.advance(Math.max(0, until - clock.now()));
    },
  };
}

const runsIn = (kube: FakeKube, namespace = 'shop') => kube.all<Experiment>(kinds.chaosExperiment, namespace);

async function finish(kube: FakeKube, verdict = 'Passed'): Promise<void> {
  for (const run of runsIn(kube)) {
    if (run.status?.verdict !== undefined) continue;
    const status = { phase: 'Finished', verdict };
    await kube.apply(kinds.chaosExperiment, { ...run, status } as unknown as KubeObject, {
      ...WRITER,
      subresource: 'status',
      force: true,
    });
  }
}

describe('a schedule', () => {
  it('creates an experiment at each tick, with its template and itself as owner', async () => {
    const { kube, create, pass } = scene();
    await create();
    await pass(11 * MINUTE_MS);
    const [run, ...others] = runsIn(kube);
    expect(others).toEqual([]);
    expect(run?.spec).toMatchObject(RUN);
    expect(run?.metadata.annotations).toMatchObject({ 'sluice.dev/tick': String(NOON + 10 * MINUTE_MS) });
    expect(run?.metadata.ownerReferences).toMatchObject([{ kind: 'ChaosSchedule', name: 'nightly', controller: true }]);
  });

  it('waits for the run before, and goes on once it is finished', async () => {
    const { kube, create, pass, look, clock } = scene();
    await create();
    await pass(31 * MINUTE_MS);
    expect(runsIn(kube)).toHaveLength(1);
    await finish(kube);
    await look();
    expect(runsIn(kube)).toHaveLength(2);
    expect(clock.now()).toBe(NOON + 31 * MINUTE_MS);
  });

  it('makes one run after a gap of thousands of ticks', async () => {
    const { kube, create, clock, look } = scene();
    await create();
    await look();
    await clock.advance(100_000 * MINUTE_MS);
    await look();
    await look();
    expect(runsIn(kube)).toHaveLength(1);
  });

  it('makes no second run when it was killed between the run and its status', async () => {
    let isDying = false;
    const { kube, create, clock, look } = scene(
      (verb, kind) => isDying && verb === 'apply' && kind === 'ChaosSchedule',
    );
    await create();
    await look();
    await clock.advance(10 * MINUTE_MS);
    isDying = true;
    await expect(look()).rejects.toThrow();
    isDying = false;
    await look();
    expect(runsIn(kube)).toHaveLength(1);
  });

  it('has nothing to do with one of the same name in another namespace', async () => {
    const { kube, create, pass } = scene();
    await create();
    await create({}, 'other');
    await pass(11 * MINUTE_MS);
    await pass(0, 'other');
    expect([runsIn(kube).length, runsIn(kube, 'other').length]).toEqual([1, 1]);
  });

  it('leaves ticks out while it is suspended', async () => {
    const { kube, create, pass } = scene();
    await create({ suspend: true });
    await pass(65 * MINUTE_MS);
    expect(runsIn(kube)).toEqual([]);
    await kube.mergePatch(
      { kind: kinds.chaosSchedule, namespace: 'shop', name: 'nightly' },
      { spec: { suspend: false } },
      WRITER,
    );
    await pass(6 * MINUTE_MS);
    expect(runsIn(kube)).toHaveLength(1);
  });

  it('keeps so many finished runs as it is told', async () => {
    const { kube, create, pass } = scene();
    await create({ historyLimits: { passed: 2, failed: 1 } });
    for (let tick = 0; tick < 5; tick += 1) {
      await pass(10 * MINUTE_MS);
      await finish(kube);
    }
    await pass(0);
    expect(runsIn(kube).filter(({ status }) => status?.verdict === 'Passed').length).toBeLessThanOrEqual(2);
  });

  it('names the field of a schedule that cannot be read', async () => {
    const { create, look } = scene();
    await create({ schedule: '0 0 1 FEB-JAN *' });
    await expect(look()).rejects.toThrow(/^spec.schedule: .*correct it$/);
  });

  it('says which experiment of somebody else is in its way', async () => {
    const { kube, create, clock, look } = scene();
    await create();
    await look();
    const name = `nightly-${Math.floor((NOON + 10 * MINUTE_MS) / 1000).toString(36)}`;
    const { apiVersion, kind } = kinds.chaosExperiment;
    await kube.create<KubeObject>(
      kinds.chaosExperiment,
      { apiVersion, kind, metadata: { name, namespace: 'shop' }, spec: RUN } as KubeObject,
      WRITER,
    );
    await clock.advance(10 * MINUTE_MS);
    await expect(look()).rejects.toThrow(/delete or rename it/);
  });
});
