import { kinds } from '../../kube/kinds.ts';
import type { Kube, KubeObject } from '../../kube/port.ts';
import { isAppError } from '../../lib/errors.ts';
import type { EnvoyFilter } from './envoy-filter.ts';
import { expiresAt, type FuseJob } from './fuse.ts';
import { fuseNumber } from './fuse-name.ts';
import { EXPERIMENT_LABEL, expiryOf, faultName } from './render.ts';

/** The cluster's own controllers come first; with a working Job controller a fault was seen to go within 0.2 s. */
const GRACE_MS = 500;

/** An object that is past its time, and what became of it. */
export interface Reaped {
  /** `EnvoyFilter NAMESPACE/NAME`. */
  readonly object: string;
  readonly why: string;
  /** Why it could not be deleted; undefined when it is. */
  readonly error: unknown;
}

/**
 * Deletes every fault that is past its expiry or has no fuse that burns, then every fuse past its deadline. Needs only leave to list and
 * delete. One that is renewed meanwhile stays.
 *
 * @param options.now ms since the epoch, of a clock that agrees with the API server's.
 * @param options.namespace Only this one; default all.
 */
export async function reap(
  kube: Kube,
  options: { readonly now: number; readonly namespace?: string | undefined },
): Promise<readonly Reaped[]> {
  const { now, namespace } = options;
  const where = { labelSelector: EXPERIMENT_LABEL, ...(namespace !== undefined && { namespace }) };
  // Faults first: whatever fuse one of them has was lit before it was written.
  const faults = (await kube.list<EnvoyFilter>(kinds.envoyFilter, where)).items.filter(isFault);
  const fuses = (await kube.list<FuseJob>(kinds.job, where)).items.filter(isFuse);
  const burning = new Set(fuses.filter((fuse) => !isBurnt(fuse, now)).map(({ metadata }) => metadata.uid));
  const ofFaults = await Promise.all(
    faults.map((fault) => {
      const why = overdue(fault, burning, now);
      return why === null ? [] : take(kube, fault, why);
    }),
  );
  const burnt = fuses.filter((fuse) => isBurnt(fuse, now));
  const ofFuses = await Promise.all(burnt.map((fuse) => take(kube, fuse, 'its deadline is over')));
  return [...ofFaults, ...ofFuses].flat();
}

/** Why the fault has to go, or null. Its own word and its fuses' both count: somebody may have edited either. */
function overdue(fault: EnvoyFilter, burning: ReadonlySet<string | undefined>, now: number): string | null {
  const expiry = expiryOf(fault);
  if (expiry !== null && expiry + GRACE_MS <= now) return `it expired at ${new Date(expiry).toISOString()}`;
  const hasFuse = (fault.metadata.ownerReferences ?? []).some(({ uid }) => burning.has(uid));
  return hasFuse ? null : 'no fuse of it burns';
}

function isBurnt(fuse: FuseJob, now: number): boolean {
  return fuse.metadata.deletionTimestamp !== undefined || expiresAt(fuse) + GRACE_MS <= now;
}

async function take(kube: Kube, object: EnvoyFilter | FuseJob, why: string): Promise<readonly Reaped[]> {
  const { kind, metadata } = object;
  const { namespace = 'default', name, uid, resourceVersion } = metadata;
  const ref = { kind: kind === kinds.job.kind ? kinds.job : kinds.envoyFilter, namespace, name };
  const told = { object: `${kind} ${namespace}/${name}`, why };
  // Asked for already; whoever set a finalizer has to take it back.
  if (metadata.deletionTimestamp !== undefined) return [];
  try {
    // In the background: any other way takes a Job out of what it owns, and a fault would be left without a fuse.
    await kube.delete(ref, {
      propagation: 'Background',
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    });
    return [{ ...told, error: undefined }];
  } catch (error) {
    // Somebody has written it since: what it is now the next look sees.
    return isAppError(error, 'ConflictError') ? [] : [{ ...told, error }];
  }
}

function isFault(object: KubeObject): boolean {
  return object.metadata.name === faultName(object.metadata.labels?.[EXPERIMENT_LABEL] ?? '');
}

function isFuse(object: KubeObject): boolean {
  return fuseNumber(object.metadata.labels?.[EXPERIMENT_LABEL] ?? '', object) !== undefined;
}
