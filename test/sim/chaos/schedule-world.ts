import type { ChaosExperiment } from '../../../src/api/chaos-experiment.ts';
import { type ChaosSchedule, parseChaosSchedule } from '../../../src/api/chaos-schedule.ts';
import { kinds } from '../../../src/kube/kinds.ts';
import type { Kind, KubeObject } from '../../../src/kube/port.ts';
import { createMemoryQueue } from '../../../src/queue/memory.ts';
import { createDispatch } from '../../../src/reconcile/dispatch.ts';
import { createScheduleController } from '../../../src/reconcile/schedule-controller.ts';
import { createFakeKube, type FakeCommit, type FakeKube } from '../../support/fake-kube.ts';
import { createDice, type Dice } from '../dice.ts';
import { createLateReflector } from '../late-reflector.ts';
import { createLink, GOOD_LINK, type LinkQuality, type Trouble } from '../link.ts';
import { SimClock } from '../sim-clock.ts';

type Run = ChaosExperiment & KubeObject;
type Schedule = ChaosSchedule & KubeObject;

/** One run as it was made. */
export interface Made {
  readonly key: string;
  readonly tick: number;
  readonly at: number;
}

const USER = { fieldManager: 'kubectl' } as const;
const TICK = 'sluice.dev/tick';
const TEMPLATE = {
  target: { service: { name: 'ord', port: 80 } },
  callers: { matchLabels: { app: 'cart' } },
  fault: { abort: { httpStatus: 503 } },
  ramp: [{ percentage: 1, for: '30s' }],
};

/** Controllers of schedules that come and go, on the fake API server and a virtual clock; runs end by themselves after a while. */
export class ScheduleWorld {
  readonly clock: SimClock;
  readonly kube: FakeKube;
  /** In order of their making. Nothing is taken from it when a run is deleted. */
  readonly made: Made[] = [];
  readonly violations: string[] = [];
  /** How long a run takes, in ms. */
  runMs = 60_000;
  quality: LinkQuality = GOOD_LINK;
  trouble: (what: string) => Trouble | undefined = () => undefined;
  onWrite: (moment: 'before' | 'after', what: string) => void = () => {};
  readonly #dice: Dice;
  readonly #listeners: ((commit: FakeCommit) => void)[] = [];
  #kills: (() => void)[] = [];

  constructor(seed: number, startAt: string) {
    this.#dice = createDice(seed);
    this.clock = new SimClock(Date.parse(startAt));
    this.kube = createFakeKube({
      now: () => this.clock.now(),
      onCommit: (commit) => {
        for (const listener of this.#listeners) listener(commit);
      },
    });
    this.#listeners.push((commit) => this.#watch(commit));
  }

  start(): void {
    const { kube, clock } = this;
    const dice = this.#dice.fork();
    const stop = new AbortController();
    const state = { isDead: false };
    const isDead = () => state.isDead;
    const link = createLink(kube, {
      ...{ clock, dice, isDead, onOwnWrite: () => {}, quality: () => this.quality },
      ...{ trouble: (what) => this.trouble(what), onWrite: (moment, what) => this.onWrite(moment, what) },
    });
    const reflect = <T extends KubeObject>(kind: Kind) =>
      createLateReflector<T>(kube, kind, {
        ...{ clock, isDead, lagMs: () => dice.int(1, 400) },
        subscribe: (listener) => this.#listeners.push(listener),
      });
    const own = {
      now: () => clock.now(),
      after: (delayMs: number, run: () => void) => clock.after(delayMs, () => (isDead() ? undefined : run())),
      sleep: (delayMs: number, signal?: AbortSignal) => clock.sleep(delayMs, signal),
    };
    const dispatch = createDispatch(createMemoryQueue({ clock: own, random: dice.next }));
    const experiments = reflect<Run>(kinds.chaosExperiment);
    const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const controller = createScheduleController({
      ...{ kube: link, clock: own, log: silent, events: { record: () => {} } },
      ...{ queue: dispatch.schedules, schedules: reflect<Schedule>(kinds.chaosSchedule), experiments },
    });
    experiments.start(stop.signal);
    void controller.start(stop.signal).then(() => dispatch.start(1));
    this.#kills.push(() => {
      state.isDead = true;
      stop.abort(new Error('killed'));
    });
  }

  kill(): void {
    for (const kill of this.#kills) kill();
    this.#kills = [];
  }

  async create(spec: object, name = 'nightly', namespace = 'shop'): Promise<void> {
    const { apiVersion, kind } = kinds.chaosSchedule;
    const object = { apiVersion, kind, metadata: { name, namespace }, spec: { ...spec, template: { spec: TEMPLATE } } };
    const parsed = parseChaosSchedule(object);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    await this.kube.create<KubeObject>(kinds.chaosSchedule, object, USER);
  }

  async patch(spec: object, name = 'nightly', namespace = 'shop'): Promise<void> {
    await this.kube.mergePatch({ kind: kinds.chaosSchedule, namespace, name }, { spec }, USER);
  }

  status(name = 'nightly', namespace = 'shop'): ChaosSchedule['status'] {
    return this.kube.all<Schedule>(kinds.chaosSchedule, namespace).find(({ metadata }) => metadata.name === name)
      ?.status;
  }

  /** Lets time pass; throws what was violated. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    if (this.violations.length > 0) throw new Error(this.violations.join('; '));
  }

  /** Runs that have not finished. */
  active(): readonly Run[] {
    return this.kube.all<Run>(kinds.chaosExperiment).filter(({ status }) => status?.verdict === undefined);
  }

  #watch({ kind, type, object }: FakeCommit): void {
    if (kind === kinds.chaosSchedule && type === 'MODIFIED') this.#checkStatus(object as Schedule);
    if (kind !== kinds.chaosExperiment) return;
    if (type === 'ADDED') this.#onRun(object as Run);
    // A run that is stopped ends a moment later.
    if (type === 'MODIFIED' && (object as Run).spec.stop === true) this.#endLater(object as Run, 2_000);
  }

  #onRun(run: Run): void {
    const { name, namespace, annotations, ownerReferences } = run.metadata;
    const key = `${namespace}/${ownerReferences?.[0]?.uid}`;
    const tick = Number(annotations?.[TICK]);
    if (this.made.some((other) => other.key === key && other.tick === tick))
      this.violations.push(`${name} is made a second time for the same tick`);
    const latest = this.made.findLast((other) => other.key === key);
    if (latest !== undefined && latest.tick > tick) this.violations.push(`${name} is older than the run before it`);
    if (tick > this.clock.now()) this.violations.push(`${name} is made before its tick`);
    this.made.push({ key, tick, at: this.clock.now() });
    this.#endLater(run, this.runMs);
  }

  #endLater({ metadata: { name, namespace = '' } }: Run, afterMs: number): void {
    const ref = { kind: kinds.chaosExperiment, namespace, name };
    this.clock.after(afterMs, () => {
      const status = { phase: 'Finished', verdict: 'Passed' };
      void this.kube.mergePatch(ref, { status }, { ...USER, subresource: 'status' }).catch(() => undefined);
    });
  }

  #checkStatus({ metadata: { name }, status }: Schedule): void {
    if (status?.lastTick === undefined && status?.nextTick === undefined) return;
    // A look may take two calls of a slow server.
    const isPast = Date.parse(status.nextTick ?? '') < this.clock.now() - 5_000;
    if (status.nextTick === undefined || isPast) this.violations.push(`${name} has no next tick: ${status.nextTick}`);
  }
}
