import { createHash } from 'node:crypto';
import { kinds } from '../../kube/kinds.ts';
import type { KubeObject, ObjectMeta, OwnerReference } from '../../kube/port.ts';
import { canonicalJson } from '../../lib/canonical-json.ts';
import { labels, MANAGER } from '../own-object.ts';
import { circuitPatches, routePatch } from './circuit.ts';
import type { ConfigPatch, EnvoyFilter } from './envoy-filter.ts';
import { filterConfigs } from './filters.ts';
import { fuseName } from './fuse-name.ts';
import type { FaultPlan, FuseReading } from './port.ts';

/** Label of every object of an experiment: its name. */
export const EXPERIMENT_LABEL = 'sluice.dev/experiment';

const DOSE_ANNOTATION = 'sluice.dev/dose-ppm';
const EXPIRES_ANNOTATION = 'sluice.dev/expires-at';
/** Of the spec and the dose, as Sluice wrote them. */
const HASH_ANNOTATION = 'sluice.dev/written-hash';

export function faultName(experiment: string): string {
  return `sluice-${experiment}`;
}

/** Metadata of an object of the experiment. */
export function metadataOf({ experiment, namespace }: Pick<FaultPlan, 'experiment' | 'namespace'>, name: string) {
  return { name, namespace, labels: { [labels.managedBy]: MANAGER, [EXPERIMENT_LABEL]: experiment } };
}

/** The fault with a dose, in millionths of the matched requests, owned by the fuses. Pure. */
export function renderFault(plan: FaultPlan, dosePpm: number, fuses: readonly FuseReading[]): EnvoyFilter {
  const { apiVersion, kind } = kinds.envoyFilter;
  const spec = {
    ...(plan.callers !== null && { workloadSelector: { labels: plan.callers } }),
    configPatches: patchesOf(plan, dosePpm),
  };
  const metadata: ObjectMeta = {
    ...metadataOf(plan, faultName(plan.experiment)),
    annotations: {
      [DOSE_ANNOTATION]: String(dosePpm),
      [EXPIRES_ANNOTATION]: new Date(Math.max(...fuses.map(({ expiresAt }) => expiresAt))).toISOString(),
      [HASH_ANNOTATION]: hashOf(spec, dosePpm),
    },
    ownerReferences: fuses.map((fuse) => ownerOf(plan, fuse)),
  };
  return { apiVersion, kind, metadata, spec };
}

/** The dose that the object says; null where it says none. */
export function doseOf({ metadata }: KubeObject): number | null {
  const dose = Number(metadata.annotations?.[DOSE_ANNOTATION] ?? Number.NaN);
  return Number.isSafeInteger(dose) ? dose : null;
}

/** When the last fuse of the last write burns, in ms since the epoch; null where the object does not say it. */
export function expiryOf({ metadata }: KubeObject): number | null {
  const at = Date.parse(metadata.annotations?.[EXPIRES_ANNOTATION] ?? '');
  return Number.isNaN(at) ? null : at;
}

/** True when the object is not as Sluice wrote it. */
export function isForeign(object: EnvoyFilter): boolean {
  const dosePpm = doseOf(object);
  return dosePpm === null || object.metadata.annotations?.[HASH_ANNOTATION] !== hashOf(object.spec, dosePpm);
}

function patchesOf({ target, fault, ...rest }: FaultPlan, dosePpm: number): readonly ConfigPatch[] {
  // Limits hold for all requests or for none.
  if (fault.kind === 'circuit') return dosePpm === 0 ? [] : circuitPatches(target, fault);
  const configs = filterConfigs({ target, fault, ...rest }, fault, dosePpm);
  return [routePatch(target, { typed_per_filter_config: configs })];
}

function hashOf(spec: object, dosePpm: number): string {
  return createHash('sha256').update(canonicalJson({ spec, dosePpm })).digest('hex').slice(0, 16);
}

function ownerOf({ experiment }: FaultPlan, { number, uid }: FuseReading): OwnerReference {
  const { apiVersion, kind } = kinds.job;
  return { apiVersion, kind, name: fuseName(experiment, number), uid, blockOwnerDeletion: true };
}
