import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import type { Flow } from '../metrics/flows.ts';
import { ownerOf } from './gates.ts';

/** A workload as its proxy names it. */
export interface Workload {
  readonly namespace: string;
  readonly workload: string;
}

export interface Neighbourhood {
  /** The target, as `namespace/service`. */
  readonly target: string;
  /** Services of the callers, and the one whose users are watched. */
  readonly callersServices: readonly string[];
  /** Whether a workload is one of the callers, or of those that serve the target. */
  readonly isNear: (workload: Workload) => boolean;
  readonly flows: readonly Flow[];
  /** The Service that a host belongs to: revisions have hosts of their own. */
  readonly serviceOf: (host: Flow['to']) => string;
}

/**
 * Services whose releases and the experiment would be taken for one another: those of the callers, and what callers and target call, one
 * hop. Never the target itself: a release moves its routes, the experiment the requests to it, and neither writes what the other has.
 */
export function neighboursOf({ target, callersServices, isNear, flows, serviceOf }: Neighbourhood): readonly string[] {
  const called = flows.filter(({ from }) => isNear(from)).map(({ to }) => serviceOf(to));
  const all = new Set([...callersServices, ...called]);
  all.delete(target);
  return [...all].toSorted();
}

/** A Rollout, and the Service that it releases. */
export interface Release {
  /** `namespace/name` of the Rollout, and `namespace/service`. */
  readonly rollout: string;
  readonly service: string;
}

/** An experiment that has begun and is not finished. */
export interface Neighbour {
  /** `namespace/name`. */
  readonly experiment: string;
  readonly neighbours: readonly string[];
  /** `namespace/name` of the Rollout of which it is a gate, or null. */
  readonly gateOf: string | null;
  /** It is about one version of its callers: their release has to be in progress. */
  readonly isOfVersion: boolean;
}

const UNDER_WAY: readonly string[] = ['Baseline', 'Armed', 'Injecting', 'Recovering'];

/** Whether an experiment was admitted and has not finished, by its status. */
export function isUnderWay({ status }: Pick<ChaosExperiment, 'status'>): boolean {
  return UNDER_WAY.includes(status?.phase ?? '');
}

/** An experiment as releases see it: by what it wrote into status. */
export function neighbourOf({ metadata, spec, status }: ChaosExperiment): Neighbour {
  const { namespace = 'default', name } = metadata;
  const gate = ownerOf(metadata)?.name;
  return {
    experiment: `${namespace}/${name}`,
    neighbours: status?.neighbours ?? [],
    gateOf: gate === undefined ? null : `${namespace}/${gate}`,
    isOfVersion: spec.callers.revision !== undefined,
  };
}

/** Whether this release and this experiment exclude each other: whichever is second waits. Pure. */
export function isExclusive({ rollout, service }: Release, { neighbours, gateOf, isOfVersion }: Neighbour): boolean {
  return !isOfVersion && gateOf !== rollout && neighbours.includes(service);
}
