import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../lab/load/report.ts';
import { RELEASED } from '../../lab/shop/manifests.ts';
import type { Rollout } from '../../src/api/rollout.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { KubeObject } from '../../src/kube/port.ts';
import type { Change } from './support/chronicle.ts';
import { figure } from './support/figures.ts';
import { BAD_PATH, goodPath, straysFrom } from './support/forward.ts';
import { createMortal, type Mortal } from './support/mortal.ts';
import { controllerKubeconfig, openStage, SHORT_RELEASE, type Stage, watchFor } from './support/stage.ts';

const NAMESPACE = 'e2e-resume';
const REPLICAS = 3;
const STEPS = SHORT_RELEASE.steps?.length ?? 0;
/** So long nothing may move when there is no controller. */
const ABSENCE_MS = 15_000;

let stage: Stage;
let mortal: Mortal;
/** What happens when something changes; each test has its own. */
let onChange: (change: Change) => void = () => undefined;

beforeAll(async () => {
  const KUBECONFIG = await controllerKubeconfig(NAMESPACE);
  stage = await openStage({ namespace: NAMESPACE, rate: 60, replicas: REPLICAS - 1 });
  stage.chronicle.onChange((change) => onChange(change));
  // Without Redis: what a dead controller held there must not be needed.
  const env = { KUBECONFIG, WATCH_NAMESPACE: NAMESPACE, REDIS_URL: undefined };
  mortal = createMortal({ name: NAMESPACE, port: 9480, env });
  await mortal.start();
});

afterAll(async () => {
  onChange = () => undefined;
  await mortal?.settled();
  await stage?.close();
  await mortal?.close();
});

describe('a controller that is killed', () => {
  it('in each state of adopting and of a good release, and once for good, changes nothing of its course', async () => {
    const { shop, chronicle } = stage;
    const absence: { report?: Promise<Absence> } = {};
    const seen = onFirstEntry((state) => {
      if (state !== 'Holding') mortal.strike(state);
      else absence.report = stayAway();
    });
    // The new pod makes the Deployment's own roll-out unfinished, which Adopting waits for.
    await scale(REPLICAS);
    // A hold is counted from the writing of the route: this one is not over yet when the split has been seen.
    await setSteps([{ weight: 10, hold: '25s' }, ...(SHORT_RELEASE.steps ?? []).slice(1)]);
    await mortal.outlive(shop.until('the Deployment is adopted', ({ status }) => status?.phase === 'Idle'));
    await mortal.settled();
    const before = await shop.report();
    const release = await stage.release('v2');
    const end = await mortal.outlive(release.over());
    await mortal.settled();
    const after = await shop.report(release.startedAtMs);

    expect(end).toMatchObject({ outcome: 'Promoted' });
    expect([...seen]).toEqual(
      expect.arrayContaining(['Adopting', 'Idle', ...goodPath(1).map((place) => place.split(' ')[0])]),
    );
    expectGoodCourse(end.revision);
    expect(after.failures).toEqual([]);
    expect(after.failed).toBe(before.failed);
    expect((await shop.pods()).length).toBe(REPLICAS);
    expect((await stage.kube.list(kinds.virtualService, { namespace: NAMESPACE })).items).toEqual([]);

    const quiet = await absence.report;
    expect(quiet?.changes).toEqual([]);
    expect(quiet?.failed).toBe(0);
    const { canary = 0, total = 0 } = quiet ?? {};
    // Four standard deviations around the first step's weight.
    expect(Math.abs(canary - total * 0.1)).toBeLessThanOrEqual(4 * Math.sqrt(total * 0.1 * 0.9));
    figure('resume: good release, killed at decisions', { ...figuresOf(mortal), seconds: end.seconds, canary, total });
    expect(chronicle.podsOf(end.revision).restarts).toBe(0);
  });

  it('in each state of a bad release takes it back all the same', async () => {
    const before = mortal.strikes().length;
    const seen = onFirstEntry((state) => mortal.strike(state));
    await setSteps([{ weight: 20, hold: '60s' }, { weight: 100 }]);
    const marker = stage.chronicle.changes().length;
    const release = await stage.release('v3', { ERROR_RATIO: '0.3' });
    const end = await mortal.outlive(release.over());
    await mortal.settled();
    const report = await stage.shop.report(release.startedAtMs);

    expect(end).toMatchObject({ outcome: 'RolledBack' });
    // So bad a version may be taken back before its share is known, which is when Holding begins.
    const states = BAD_PATH.map((place) => place.split(' ')[0]).filter((state) => state !== 'Holding');
    expect([...seen]).toEqual(expect.arrayContaining(states));
    expect(straysFrom(BAD_PATH, stage.chronicle.placesOf(end.revision))).toEqual([]);
    expect(sharesSince(marker, end.revision)).toEqual([0, 20, 0, null]);
    expect(stage.chronicle.podsOf(end.revision)).toMatchObject({ restarts: 0, uids: { size: 1 } });
    expect(causesOf(report)).toEqual([`${RELEASED}=v3`]);
    figure('resume: bad release, killed at decisions', {
      ...figuresOf(mortal, before),
      seconds: end.seconds,
      failed: report.failures.length,
    });
  });

  it('after each effect and at random moments of a good release changes nothing of its course', async () => {
    const before = mortal.strikes().length;
    await setSteps(SHORT_RELEASE.steps ?? []);
    const marker = stage.chronicle.changes().length;
    const stop = strikeAtRandom();
    onChange = (change) => {
      if (isEffect(change)) mortal.strike(`${change.kind} ${change.after?.metadata.name ?? 'deleted'}`);
    };
    const release = await stage.release('v4');
    const end = await mortal.outlive(release.over()).finally(stop);
    await mortal.settled();
    const report = await stage.shop.report(release.startedAtMs);

    expect(end).toMatchObject({ outcome: 'Promoted' });
    expectGoodCourse(end.revision, marker);
    expect(report.failures).toEqual([]);
    figure('resume: good release, killed at effects', { ...figuresOf(mortal, before), seconds: end.seconds });
  });
});

interface Absence {
  readonly changes: readonly string[];
  readonly failed: number;
  readonly canary: number;
  readonly total: number;
}

/** Kills the controller, watches a world without it for a while, and starts it again. */
async function stayAway(): Promise<Absence> {
  await mortal.kill();
  const count = stage.chronicle.changes().length;
  // Seconds of the load's record that began before the kill may hold requests from before it.
  const fromMs = Date.now() + 1_000;
  await watchFor(ABSENCE_MS);
  const changes = stage.chronicle.changes().slice(count);
  const { seconds } = await stage.shop.report(fromMs);
  await mortal.start();
  const sum = (of: (second: Report['seconds'][number]) => number) => seconds.reduce((all, one) => all + of(one), 0);
  const answered = (version: string) => sum(({ byVersion }) => byVersion[`${RELEASED}=${version}`] ?? 0);
  return {
    changes: changes.map(({ kind, after }) => `${kind} ${after?.metadata.name ?? 'deleted'}`),
    failed: sum(({ failed }) => failed),
    canary: answered('v2'),
    total: answered('v1') + answered('v2'),
  };
}

/** Calls `act` at the moment in which the status first says that a state was entered. */
function onFirstEntry(act: (state: string) => void): ReadonlySet<string> {
  const seen = new Set<string>();
  onChange = ({ kind, after }) => {
    if (kind !== 'Rollout') return;
    const state = (after as (Rollout & KubeObject) | undefined)?.status?.machine?.state;
    if (state === undefined || seen.has(state)) return;
    seen.add(state);
    act(state);
  };
  return seen;
}

/** Made by a controller: a route, a ReplicaSet's size or owner, a Deployment's spec. */
function isEffect({ kind, before, after }: Change): boolean {
  if (kind === 'VirtualService') return true;
  if (kind !== 'ReplicaSet' && kind !== 'Deployment') return false;
  return (
    before?.metadata.generation !== after?.metadata.generation ||
    before?.metadata.ownerReferences?.[0]?.uid !== after?.metadata.ownerReferences?.[0]?.uid
  );
}

/** Kills within 3 s of each start, at moments that nobody chose. Returns what ends it. */
function strikeAtRandom(): () => void {
  let timer: NodeJS.Timeout | undefined;
  let left = 2;
  const arm = () => {
    timer = setTimeout(
      () => {
        if (mortal.isAlive() && left > 0) {
          left -= 1;
          mortal.strike('random moment');
        }
        arm();
      },
      5_000 + Math.random() * 5_000,
    );
  };
  arm();
  return () => clearTimeout(timer);
}

function expectGoodCourse(revision: string, marker = 0): void {
  expect(straysFrom(goodPath(STEPS), stage.chronicle.placesOf(revision))).toEqual([]);
  expect(sharesSince(marker, revision)).toEqual([0, 10, 50, 100, null]);
  expect(stage.chronicle.podsOf(revision)).toMatchObject({ restarts: 0, uids: { size: REPLICAS } });
}

/** Every writing of the route since then, repeats included. */
function sharesSince(marker: number, revision: string): readonly (number | null)[] {
  const earlier = stage.chronicle
    .changes()
    .slice(0, marker)
    .filter(({ kind }) => kind === 'VirtualService').length;
  return stage.chronicle.sharesOf(revision).slice(earlier);
}

function causesOf({ failures }: Report): readonly string[] {
  return [...new Set(failures.map(({ failedHop }) => failedHop))];
}

async function setSteps(steps: NonNullable<typeof SHORT_RELEASE.steps>): Promise<void> {
  await stage.shop.addRollout({ ...SHORT_RELEASE, steps });
}

async function scale(replicas: number): Promise<void> {
  const ref = { kind: kinds.deployment, namespace: NAMESPACE, name: RELEASED };
  await stage.kube.mergePatch(ref, { spec: { replicas } }, { fieldManager: 'shop-owner' });
}

function figuresOf({ strikes }: Mortal, from = 0): object {
  const mine = strikes().slice(from);
  const next = ({ atMs }: { readonly atMs: number }) =>
    (stage.chronicle.changes().find((change) => change.kind === 'Rollout' && change.atMs > atMs + 50)?.atMs ?? atMs) -
    atMs;
  return {
    kills: mine.map(({ why }) => why),
    backAfterMs: mine.map(({ backAfterMs }) => backAfterMs),
    nextStatusAfterMs: mine.map(next),
  };
}
