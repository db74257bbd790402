import { kinds } from '../../kube/kinds.ts';
import type { Kube } from '../../kube/port.ts';
import { AppError, isAppError } from '../../lib/errors.ts';
import { MANAGER } from '../own-object.ts';
import type { EnvoyFilter } from './envoy-filter.ts';
import { expiresAt, type FuseJob, fuseJob } from './fuse.ts';
import { fuseNumber } from './fuse-name.ts';
import { inspectFault } from './inspect.ts';
import type { FaultPlan, FaultReading, Faults, FuseReading } from './port.ts';
import { doseOf, EXPERIMENT_LABEL, expiryOf, faultName, isForeign, renderFault } from './render.ts';

type Place = Pick<FaultPlan, 'experiment' | 'namespace'>;

/** Reads from and writes to the API server itself: a copy that lags would make a renewal look like somebody's edit. */
export function createFaults(kube: Kube): Faults {
  const faultRef = ({ experiment, namespace }: Place) => ({
    kind: kinds.envoyFilter,
    namespace,
    name: faultName(experiment),
  });

  const fusesOf = async ({ experiment, namespace }: Place): Promise<readonly FuseJob[]> => {
    const { items } = await kube.list<FuseJob>(kinds.job, {
      namespace,
      labelSelector: `${EXPERIMENT_LABEL}=${experiment}`,
    });
    return items.filter((job) => fuseNumber(experiment, job) !== undefined);
  };

  return {
    inspect: (plan) => inspectFault(kube, plan),

    async read(plan) {
      const [fault, fuses] = await Promise.all([kube.get<EnvoyFilter>(faultRef(plan)), fusesOf(plan)]);
      return readingOf(plan, fault, fuses);
    },

    async lightFuse(plan, fuse) {
      try {
        await kube.create(kinds.job, fuseJob(plan, fuse), { fieldManager: MANAGER });
      } catch (error) {
        if (!isAppError(error) || error.code !== 'ALREADY_EXISTS') throw error;
      }
    },

    async write(plan, dosePpm, numbers, reading) {
      const owners = numbers.flatMap((number) => reading.fuses.find((fuse) => fuse.number === number) ?? []);
      if (owners.length === 0) {
        throw new AppError(
          'NotReadyError',
          'FAULT_WITHOUT_FUSE',
          `no fuse of ${plan.experiment} burns: nothing is injected without one`,
        );
      }
      const object = renderFault(plan, dosePpm, owners);
      if (reading.resourceVersion === null) {
        await kube.create(kinds.envoyFilter, object, { fieldManager: MANAGER });
        return;
      }
      const metadata = { ...object.metadata, resourceVersion: reading.resourceVersion };
      await kube.replace(kinds.envoyFilter, { ...object, metadata }, { fieldManager: MANAGER });
    },

    async list(namespace) {
      const { items } = await kube.list<EnvoyFilter>(kinds.envoyFilter, {
        labelSelector: EXPERIMENT_LABEL,
        ...(namespace !== undefined && { namespace }),
      });
      return items.map((fault) => ({
        experiment: fault.metadata.labels?.[EXPERIMENT_LABEL] ?? '',
        namespace: fault.metadata.namespace ?? 'default',
        expiresAt: expiryOf(fault),
      }));
    },

    async remove(place) {
      await kube.delete(faultRef(place));
      for (const { metadata } of await fusesOf(place)) {
        const ref = { kind: kinds.job, namespace: place.namespace, name: metadata.name };
        // Without it the server takes a Job out of what it owns, and a fault written just now would be left without any fuse.
        await kube.delete(ref, { propagation: 'Background' });
      }
    },
  };
}

function readingOf(plan: FaultPlan, fault: EnvoyFilter | undefined, jobs: readonly FuseJob[]): FaultReading {
  const owners = new Set((fault?.metadata.ownerReferences ?? []).map(({ uid }) => uid));
  // One that is being deleted has burnt: what it owns goes with it.
  const burning = jobs.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const fuses = burning.flatMap((job): readonly FuseReading[] => {
    const number = fuseNumber(plan.experiment, job);
    const { uid } = job.metadata;
    return number === undefined || uid === undefined
      ? []
      : [{ number, uid, expiresAt: expiresAt(job), isOwner: owners.has(uid) }];
  });
  return {
    exists: fault !== undefined,
    dosePpm: fault === undefined ? null : doseOf(fault),
    isForeign: fault !== undefined && isForeign(fault),
    fuses: fuses.toSorted((a, b) => a.number - b.number),
    resourceVersion: fault?.metadata.resourceVersion ?? null,
  };
}
