import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import { createFaults } from '../../src/routing/faults/faults.ts';
import type { Fault, FaultPlan, Faults } from '../../src/routing/faults/port.ts';
import { eventually } from '../support/eventually.ts';
import type { Answer, Caller } from './support/caller.ts';
import {
  CASES,
  CIRCUITS,
  DELAY_MS,
  EARLY_MS,
  type FaultCase,
  LONG_DELAY_MS,
  SHARES,
  THROTTLE,
} from './support/fault-cases.ts';
import { type FaultScene, openFaultScene } from './support/fault-scene.ts';
import { figure } from './support/figures.ts';
import { controllerKubeconfig } from './support/stage.ts';

const NAMESPACE = 'e2e-faults';
const COUNT = 2_000;
const FUSE_S = 600;
/** Acceptance: a fault that nobody ends is gone so long after its fuse. */
const GRACE_MS = 3_000;

const kube = createKube();
let faults: Faults;
let scene: FaultScene;
let listeners: readonly object[];

const listenersNow = () => Promise.all([scene.web, scene.batch].map((caller) => caller.listenerChanges()));

beforeAll(async () => {
  faults = createFaults(createKube({ kubeconfigPath: await controllerKubeconfig('faults') }));
  scene = await openFaultScene(kube, NAMESPACE);
  for (const name of [...Object.keys(CASES), 'ord', 'bystander']) {
    // What is under way at once is counted in one place.
    await scene.addService(name, name in CIRCUITS ? [scene.first] : [scene.first, scene.second]);
  }
  listeners = await listenersNow();
});
afterAll(() => scene?.close());

function planOf(name: string, { fault }: Pick<FaultCase, 'fault'>, more: Partial<FaultPlan> = {}): FaultPlan {
  const target = { namespace: NAMESPACE, service: name, port: 80 };
  return { experiment: name, namespace: NAMESPACE, target, callers: { app: 'web' }, headers: [], fault, ...more };
}

/** Lights a fuse and writes the fault, as the controller does. */
async function inject(plan: FaultPlan, dose: number, seconds = FUSE_S): Promise<void> {
  expect(await faults.inspect(plan)).toEqual([]);
  await faults.lightFuse(plan, { number: 1, seconds });
  await faults.write(plan, Math.round(dose * 1_000_000), [1], await faults.read(plan));
}

/** Does `work` while the fault is in the proxy of `web`; before and after it the proxy has the same, byte for byte, and nothing is left. */
async function whileInjected(plan: FaultPlan, dose: number, work: () => Promise<void>): Promise<void> {
  const { service } = plan.target;
  const atRest = await scene.web.configOf(service);
  const others = () => Promise.all([scene.batch.configOf(service), scene.web.configOf('bystander')]);
  const othersAtRest = await others();
  try {
    await inject(plan, dose);
    await eventually(
      'the fault in the proxy',
      async () => (await scene.web.configOf(service)).routes !== atRest.routes,
    );
    await work();
    expect(await others()).toEqual(othersAtRest);
    expect(await faults.read(plan)).toMatchObject({
      ...{ exists: true, isForeign: false, dosePpm: Math.round(dose * 1_000_000) },
    });
  } finally {
    await faults.remove(plan);
    await faults.remove(plan);
  }
  await eventually('the proxy as before', async () => isDeepStrictEqual(await scene.web.configOf(service), atRest));
  await nothingLeft(plan.experiment);
}

async function nothingLeft(experiment: string): Promise<void> {
  let seen: readonly string[] = [];
  const look = async () => {
    const objects = [...(await scene.all(kinds.envoyFilter)), ...(await scene.all(kinds.job))];
    seen = objects.map(({ metadata }) => metadata.name).filter((name) => name.includes(experiment));
    return seen.length === 0;
  };
  await eventually(`no object of ${experiment}`, look, { lastSeen: () => seen });
}

/** How many of the answers to `work`, COUNT of them, the caller's own metrics call faulted. */
async function flaggedBy(caller: Caller, name: string, { flag }: FaultCase): Promise<() => Promise<number>> {
  const before = await caller.counted(name, flag);
  return async () => {
    let now = before;
    const isIn = async () => {
      now = await caller.counted(name, flag);
      return now.all - before.all === COUNT;
    };
    await eventually(`${COUNT} requests for ${name} in the metrics`, isIn, { lastSeen: () => now.all - before.all });
    return now.flagged - before.flagged;
  };
}

/** Fails where so many hits would come in fewer than one of a thousand times; 3.29 standard deviations on both sides. */
function expectWithinBand(hits: number, count: number, share: number): void {
  const spread = 3.29 * Math.sqrt(count * share * (1 - share)) + 0.5;
  expect(hits).toBeGreaterThanOrEqual(count * share - spread);
  expect(hits).toBeLessThanOrEqual(count * share + spread);
}

const served = (service: string) => [scene.first, scene.second].map((target) => target.take(`${service}.${NAMESPACE}`));
const requestsServed = (service: string) => served(service).reduce((sum, { requests }) => sum + requests, 0);

describe('a fault for a share of the requests', () => {
  it.each(Object.entries(SHARES))('touches that share, and no other caller: %s', async (name, one) => {
    const { ask = {}, isFaulted, dose } = one;
    const what = { service: name, ...ask };
    await whileInjected(planOf(name, one), dose, async () => {
      served(name);
      const flaggedSince = await flaggedBy(scene.web, name, one);
      const answers = await scene.web.volley(what, { count: COUNT, atOnce: 64 });
      const flagged = await flaggedSince();
      const hits = answers.filter(isFaulted);
      const reached = requestsServed(name);
      const others = await scene.batch.volley(what, { count: COUNT, atOnce: 16 });
      const stray = others.filter((answer) => isFaulted(answer) || answer.status !== 200);
      const isRefused = ['abort', 'abort-grpc', 'shed'].includes(name);
      const long = hits.filter(({ ms }) => ms >= LONG_DELAY_MS - EARLY_MS).length;
      figure(`faults: ${name}`, {
        ...{ asked: dose, requests: COUNT, touched: hits.length, flagged, long, ofOtherCallers: stray.length, reached },
      });
      expectWithinBand(flagged, COUNT, dose);
      // An answer may be late for another reason too; a status has one reason only.
      expect(hits.length).toBeGreaterThanOrEqual(flagged);
      if (isRefused) expect(hits.length).toBe(flagged);
      if (name === 'spread') expectWithinBand(long, hits.length, 0.3);
      expect(reached).toBe(isRefused ? COUNT - hits.length : COUNT);
      expect(answers.filter((answer) => !isFaulted(answer) && answer.status !== 200)).toEqual([]);
      expect(stray).toEqual([]);
    });
    const after = await scene.web.volley(what, { count: 200, atOnce: 16 });
    expect(after.filter((answer) => isFaulted(answer) || answer.status !== 200)).toEqual([]);
  });

  it('is spread over as many as five delays', async () => {
    const shares = [0.4, 0.3, 0.15, 0.1, 0.05];
    const parts = shares.map((share, index) => ({ delayMs: DELAY_MS * (index + 1), share }));
    await whileInjected(planOf('ord', { fault: { kind: 'spread', parts } }), 0.5, async () => {
      const answers = await scene.web.volley({ service: 'ord' }, { count: COUNT, atOnce: 128 });
      const times = answers.map(({ ms }) => Math.min(parts.length, Math.floor((ms + EARLY_MS) / DELAY_MS)));
      const hits = parts.map((_, index) => times.filter((time) => time === index + 1).length);
      figure('faults: five delays', { asked: shares.map((share) => share * 0.5), requests: COUNT, hits });
      for (const [index, share] of shares.entries()) expectWithinBand(hits[index] ?? 0, COUNT, share * 0.5);
    });
  });

  it('is as small as a hundredth of a percent', async () => {
    const count = 20_000;
    await whileInjected(planOf('ord', { fault: { kind: 'abort', httpStatus: 555 } }), 0.0001, async () => {
      const answers = await scene.web.volley({ service: 'ord' }, { count, atOnce: 32 });
      const hits = answers.filter(({ status }) => status === 555).length;
      figure('faults: 0.01 %', { requests: count, touched: hits });
      // The Poisson distribution of 2: more than nine come in fewer than one of ten thousand times.
      expect(hits).toBeLessThanOrEqual(9);
    });
  });
});

describe('a fault by limits', () => {
  it('lets so many requests a second through, and says when to come again', async () => {
    const what = { service: 'throttle' };
    await whileInjected(planOf('throttle', THROTTLE), 1, async () => {
      const flaggedSince = await flaggedBy(scene.web, 'throttle', THROTTLE);
      const answers = await scene.web.volley(what, { count: COUNT, atOnce: 64, perSecond: 400 });
      const flagged = await flaggedSince();
      const through = answers.filter(({ status }) => status === 200).length;
      const refused = answers.filter(THROTTLE.isFaulted).length;
      const begin = Math.min(...answers.map(({ askedAtMs }) => askedAtMs));
      const seconds = (Math.max(...answers.map(({ endedAtMs }) => endedAtMs)) - begin) / 1000;
      const others = await scene.batch.volley(what, { count: COUNT, atOnce: 16 });
      figure('faults: throttle', { asked: 50, requests: COUNT, seconds, through, refused, flagged });
      expect(through + refused).toBe(COUNT);
      expect(flagged).toBe(refused);
      // A full bucket at the begin, and one second's tokens more or less at the end.
      expect(through).toBeGreaterThanOrEqual(50 * seconds - 50);
      expect(through).toBeLessThanOrEqual(50 * seconds + 100);
      expect(others.filter(({ status }) => status !== 200)).toEqual([]);
    });
  });

  it.each(Object.entries(CIRCUITS))('lets no more through at once: %s', async (name, one) => {
    const what = { service: name, ...one.ask };
    await whileInjected(planOf(name, one), 1, async () => {
      served(name);
      const flaggedSince = await flaggedBy(scene.web, name, one);
      const answers = await scene.web.volley(what, { count: COUNT, atOnce: 16 });
      const flagged = await flaggedSince();
      const { most } = scene.first.take(`${name}.${NAMESPACE}`);
      const opened = answers.filter(one.isFaulted).length;
      const others = await scene.batch.volley(what, { count: COUNT, atOnce: 16 });
      const { most: mostOfOthers } = scene.first.take(`${name}.${NAMESPACE}`);
      figure(`faults: ${name}`, { requests: COUNT, refused: opened, flagged, most, mostOfOthers });
      expect(opened).toBeGreaterThan(0);
      expect(flagged).toBe(opened);
      expect(most).toBeLessThanOrEqual(2);
      expect(answers.filter((answer) => !one.isFaulted(answer) && answer.status !== 200)).toEqual([]);
      expect(others.filter(({ status }) => status !== 200)).toEqual([]);
      expect(mostOfOthers).toBeGreaterThan(2);
    });
  });
});

describe('a fault for some of the requests', () => {
  it('touches only the cohort, by header and cookie', async () => {
    const fault: Fault = { kind: 'abort', httpStatus: 555 };
    const cohort = {
      headers: [{ name: 'x-cohort', value: { exact: 'a' } }],
      cookies: [{ name: 'group', exact: 'b.c' }],
    };
    const inCohort = { 'x-cohort': 'a', cookie: 'seen=1; group=b.c; last=2' };
    await whileInjected(planOf('ord', { fault }, cohort), 0.5, async () => {
      const statuses = async (headers: Readonly<Record<string, string>>) => {
        const answers = await scene.web.volley({ service: 'ord', headers }, { count: COUNT, atOnce: 32 });
        return answers.filter(({ status }) => status === 555).length;
      };
      const touched = await statuses(inCohort);
      const others = [
        await statuses({}),
        await statuses({ ...inCohort, 'x-cohort': 'ab' }),
        await statuses({ ...inCohort, cookie: 'group=b-c' }),
        await statuses({ ...inCohort, cookie: 'subgroup=b.cd' }),
      ];
      figure('faults: cohort', { asked: 0.5, requests: COUNT, touched, others });
      expectWithinBand(touched, COUNT, 0.5);
      expect(others).toEqual([0, 0, 0, 0]);
    });
  });

  it('touches only the revision', async () => {
    const owned = (revision: string) => ({ 'sluice.dev/service': 'ord', 'sluice.dev/revision': revision });
    await scene.addService('ord-stable1', [scene.first], owned('stable1'));
    await scene.addService('ord-canary1', [scene.second], owned('canary1'));
    const to = (host: string) => ({ destination: { host }, weight: 50 });
    const route = { hosts: ['ord'], http: [{ name: 'primary', route: [to('ord-stable1'), to('ord-canary1')] }] };
    const before = await scene.web.configOf('ord');
    await scene.apply(kinds.virtualService, 'ord', { spec: route });
    await eventually(
      'the weights in the proxy',
      async () => (await scene.web.configOf('ord')).routes !== before.routes,
    );
    const target = { namespace: NAMESPACE, service: 'ord', port: 80, revision: 'canary1' };
    const plan = planOf('ord', { fault: { kind: 'abort', httpStatus: 555 } }, { target });
    await whileInjected(plan, 0.5, async () => {
      const answers = await scene.web.volley({ service: 'ord' }, { count: 2 * COUNT, atOnce: 32 });
      const by = (name: string) => answers.filter(({ headers }) => headers['x-target'] === name).length;
      const aborted = answers.filter(({ status }) => status === 555).length;
      figure('faults: revision', { asked: 0.5, requests: 2 * COUNT, stable: by('a'), canary: by('b'), aborted });
      expectWithinBand(aborted, aborted + by('b'), 0.5);
      expectWithinBand(by('a'), 2 * COUNT, 0.5);
    });
    await kube.delete({ kind: kinds.virtualService, namespace: NAMESPACE, name: 'ord' });
  });
});

describe("a fault beside the user's routes", () => {
  it('holds for all of them, also for those that come meanwhile, and leaves them as they are', async () => {
    const host = 'ord';
    const rules = (added: readonly object[]) => ({
      hosts: [host],
      http: [
        ...added,
        {
          name: 'api',
          match: [{ headers: { 'x-api': { exact: '1' } } }],
          rewrite: { uri: '/' },
          retries: { attempts: 3, perTryTimeout: '2s' },
          timeout: '9s',
          route: [{ destination: { host } }],
        },
        { route: [{ destination: { host } }] },
      ],
    });
    const write = async (added: readonly object[]) => {
      const before = await scene.web.configOf(host);
      await scene.apply(kinds.virtualService, host, { spec: rules(added) });
      await eventually('the rules in the proxy', async () => (await scene.web.configOf(host)).routes !== before.routes);
    };
    const another = { match: [{ uri: { prefix: '/new' } }], route: [{ destination: { host: 'bystander' } }] };
    const asks = [{}, { headers: { 'x-api': '1' } }, { path: '/new' }].map((ask) => ({ service: host, ...ask }));
    const aborted = async () => {
      const answers = await Promise.all(asks.map((ask) => scene.web.volley(ask, { count: 200, atOnce: 8 })));
      return answers.map((of) => of.filter(({ status }) => status === 555).length);
    };
    await write([]);
    await whileInjected(planOf(host, { fault: { kind: 'abort', httpStatus: 555 } }), 1, async () => {
      expect(await aborted()).toEqual([200, 200, 200]);
      await write([another]);
      expect(await aborted()).toEqual([200, 200, 200]);
      await write([]);
      expect(await aborted()).toEqual([200, 200, 200]);
    });
    expect(await aborted()).toEqual([0, 0, 0]);
    await kube.delete({ kind: kinds.virtualService, namespace: NAMESPACE, name: host });
  });

  it('does not come to be while a rule has a fault of its own', async () => {
    const fault = { abort: { httpStatus: 550, percentage: { value: 100 } } };
    const spec = { hosts: ['ord'], http: [{ fault, route: [{ destination: { host: 'ord' } }] }] };
    await scene.apply(kinds.virtualService, 'ord', { spec });
    const problems = await faults.inspect(planOf('ord', { fault: { kind: 'abort', httpStatus: 555 } }));
    expect(problems).toMatchObject([{ severity: 'refuse', reason: 'FaultHeld' }]);
    await kube.delete({ kind: kinds.virtualService, namespace: NAMESPACE, name: 'ord' });
  });

  it('is known to be changed by somebody else, and is removed all the same', async () => {
    const plan = planOf('ord', { fault: { kind: 'abort', httpStatus: 555 } });
    await inject(plan, 0.1);
    const ref = { kind: kinds.envoyFilter, namespace: NAMESPACE, name: 'sluice-ord' };
    await kube.mergePatch(
      ref,
      { spec: { workloadSelector: { labels: { app: 'batch' } } } },
      { fieldManager: 'somebody' },
    );
    expect(await faults.read(plan)).toMatchObject({ exists: true, isForeign: true });
    await faults.remove(plan);
    await nothingLeft('ord');
  });
});

describe('the fuse', () => {
  it('ends every kind of fault by itself, and leaves no object', async () => {
    const seconds = 8;
    const ends = await Promise.all(
      Object.entries(CASES).map(async ([name, one]) => {
        const plan = planOf(name, one);
        await inject(plan, 1, seconds);
        const [fuse] = (await faults.read(plan)).fuses;
        const deadline = fuse?.expiresAt ?? 0;
        const what = { service: name, ...one.ask };
        // More at once than a circuit lets through, and more in a second than a throttle does.
        const burst = () => scene.web.volley(what, { count: 8, atOnce: 8 });
        let last = 0;
        while (Date.now() < deadline + GRACE_MS + 2_000) {
          const touched = (await burst()).filter(one.isFaulted);
          last = Math.max(last, ...touched.map(({ endedAtMs }) => endedAtMs));
        }
        await nothingLeft(name);
        return { name, afterDeadlineMs: last - deadline };
      }),
    );
    figure(
      'faults: the fuse alone',
      Object.fromEntries(ends.map(({ name, afterDeadlineMs }) => [name, afterDeadlineMs])),
    );
    for (const { name, afterDeadlineMs } of ends) {
      expect(afterDeadlineMs, name).toBeLessThanOrEqual(GRACE_MS);
      expect(afterDeadlineMs, `${name} was injected until about its deadline`).toBeGreaterThan(-seconds * 1000);
    }
  });

  it('leaves no gap where it is renewed', async () => {
    const plan = planOf('ord', { fault: { kind: 'abort', httpStatus: 555 } });
    const seconds = 8;
    const rounds = 6;
    await inject(plan, 1, seconds);
    const asked = { service: 'ord' };
    await eventually('the fault', async () => (await scene.web.ask(asked)).status === 555);
    const uid = async () => (await scene.all(kinds.envoyFilter))[0]?.metadata.uid;
    const before = await uid();
    const answers: Answer[] = [];
    let burnt = 0;
    for (let number = 2; number <= rounds; number += 1) {
      const until = Date.now() + (seconds * 1000) / 2;
      while (Date.now() < until)
        answers.push(...(await scene.web.volley(asked, { count: 50, atOnce: 1, perSecond: 100 })));
      await faults.lightFuse(plan, { number, seconds });
      const reading = await faults.read(plan);
      await faults.write(
        plan,
        1_000_000,
        reading.fuses.map((fuse) => fuse.number),
        reading,
      );
      burnt = number - reading.fuses.length;
    }
    const reading = await faults.read(plan);
    expect(reading).toMatchObject({ exists: true, isForeign: false });
    expect(await uid()).toBe(before);
    const gaps = answers.filter(({ status }) => status !== 555).length;
    figure('faults: renewed', { fuses: rounds, burnt, requests: answers.length, notTouched: gaps });
    expect(burnt).toBeGreaterThan(2);
    expect(gaps).toBe(0);
    await faults.remove(plan);
    await nothingLeft('ord');
  });
});

it('no listener changes while faults come and go', async () => {
  expect(await listenersNow()).toEqual(listeners);
});
