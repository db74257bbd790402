import { kinds } from '../../../src/kube/kinds.ts';
import type { KubeObject } from '../../../src/kube/port.ts';
import type { FakeKube } from '../../support/fake-kube.ts';
import type { Dice } from '../dice.ts';
import type { SimClock } from '../sim-clock.ts';

/** A Job as far as its controllers look at it here. */
export interface Job extends KubeObject {
  readonly spec: { readonly activeDeadlineSeconds: number };
  readonly status?: { readonly startTime?: string; readonly conditions?: readonly { readonly type: string }[] };
}

/** When each of the controllers gets to a Job, in ms after it could. */
interface Delays {
  readonly startMs: number;
  readonly failMs: number;
  readonly deleteMs: number;
  readonly collectMs: number;
}

const WRITER = { fieldManager: 'kube-controller-manager' } as const;
const FOREGROUND = 'foregroundDeletion';

/** The latest that a fault goes after its fuse's deadline: Job, TTL and garbage controllers one after the other, in ms. */
export const BURNING_MS = 2_600;

/**
 * The controllers of Jobs that never run a pod, their TTL and the garbage collector: past its deadline a Job fails, is deleted in the
 * foreground, and takes with it what it owns; of what others own as well only the reference goes. Each gets to it in its own time.
 */
export function createJobs(kube: FakeKube, clock: SimClock, dice: Dice) {
  const delays = new Map<string, Delays>();
  const since = new Map<string, number>();
  const delaysOf = (uid: string): Delays => {
    const known = delays.get(uid) ?? {
      ...{ startMs: dice.int(20, 600), failMs: dice.int(0, 900) },
      ...{ deleteMs: dice.int(0, 700), collectMs: dice.int(0, 800) },
    };
    delays.set(uid, known);
    return known;
  };
  /** True so many ms after this was first asked of the Job in this step. */
  const isDue = (step: string, afterMs: number): boolean => {
    since.set(step, since.get(step) ?? clock.now());
    return clock.now() >= (since.get(step) ?? 0) + afterMs;
  };

  const refOf = ({ metadata: { name, namespace = '' } }: Job) => ({ kind: kinds.job, namespace, name });

  const sync = async (job: Job): Promise<void> => {
    const { uid = '', deletionTimestamp } = job.metadata;
    const { deleteMs, collectMs } = delaysOf(uid);
    if (deletionTimestamp !== undefined) {
      if (isDue(`${uid}/collect`, collectMs)) await collect(job);
    } else if (job.status?.conditions === undefined) await run(job);
    else if (isDue(`${uid}/delete`, deleteMs)) {
      await kube.mergePatch(refOf(job), { metadata: { finalizers: [FOREGROUND] } }, WRITER);
      await kube.delete(refOf(job));
    }
  };

  /** Whole seconds, as the server keeps times: a Job may fail up to one earlier than its deadline. */
  const run = async (job: Job): Promise<void> => {
    const { uid = '' } = job.metadata;
    const { startMs, failMs } = delaysOf(uid);
    const { startTime } = job.status ?? {};
    const patchStatus = (status: object) =>
      kube.mergePatch(refOf(job), { status }, { ...WRITER, subresource: 'status' });
    if (startTime === undefined) {
      const now = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
      if (isDue(`${uid}/start`, startMs)) await patchStatus({ startTime: now });
    } else if (clock.now() >= Date.parse(startTime) + job.spec.activeDeadlineSeconds * 1000 + failMs) {
      await patchStatus({ conditions: [{ type: 'Failed', status: 'True' }] });
    }
  };

  const collect = async (job: Job): Promise<void> => {
    for (const dependant of kube.all<KubeObject>(kinds.envoyFilter)) {
      const { name, namespace = '', ownerReferences = [] } = dependant.metadata;
      if (!ownerReferences.some(({ uid }) => uid === job.metadata.uid)) continue;
      const ref = { kind: kinds.envoyFilter, namespace, name };
      const solid = ownerReferences.filter(({ uid }) => isAlive(uid));
      if (solid.length === 0) await kube.delete(ref);
      else await kube.mergePatch(ref, { metadata: { ownerReferences: solid } }, WRITER);
    }
    await kube.mergePatch(refOf(job), { metadata: { finalizers: [] } }, WRITER);
  };

  const isAlive = (uid: string): boolean =>
    kube.all<Job>(kinds.job).some(({ metadata }) => metadata.uid === uid && metadata.deletionTimestamp === undefined);

  return {
    async tick(): Promise<void> {
      for (const job of kube.all<Job>(kinds.job)) await sync(job);
    },
  };
}
