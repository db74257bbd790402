import { kinds } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/port.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import { isEqual } from './difference.ts';
import { checkIsOurs, labels, MANAGER, overExisting, ownednessOf } from './own-object.ts';
import type { Routes, RouteTarget } from './port.ts';
import {
  checkRevisionService,
  isRevisionServiceInStep,
  renderRevisionService,
  type ServiceObject,
} from './revision-service.ts';
import { revisionServiceName } from './route.ts';
import type { RouteStore } from './route-store.ts';
import type { Router } from './router.ts';

/** The part of Routes that reads and writes the Services of revisions and their policies. */
export interface Revisions {
  readonly read: Routes['readRevision'];
  readonly ensure: Routes['ensureRevision'];
  readonly remove: Routes['removeRevision'];
  readonly list: Routes['listRevisions'];
}

interface EndpointSlice extends KubeObject {
  readonly endpoints?:
    | readonly {
        readonly addresses: readonly string[];
        readonly conditions?: { readonly ready?: boolean; readonly terminating?: boolean };
        readonly targetRef?: { readonly uid?: string };
      }[]
    | null;
}

interface PolicyObject extends KubeObject {
  readonly spec: unknown;
}

interface Policies {
  readonly wanted: readonly PolicyObject[];
  /** Ours, by name. */
  readonly existing: ReadonlyMap<string, PolicyObject>;
  /** Somebody else's that have the name of a wanted one. */
  readonly inTheWay: readonly PolicyObject[];
}

/** Endpoints of a Service by EndpointSlice. */
const SLICE_SERVICE_LABEL = 'kubernetes.io/service-name';

export function createRevisions(store: RouteStore, routerOf: (target: RouteTarget) => Router): Revisions {
  const service = (target: RouteTarget, name: string, isLive = false) =>
    store.get<ServiceObject>({ kind: kinds.service, namespace: target.namespace, name }, isLive);

  const policiesOf = async (target: RouteTarget, revision: string): Promise<Policies> => {
    const router = routerOf(target);
    const all = await store.list<PolicyObject>(router.policyKind, target.namespace);
    const ours = all.filter(
      (policy) => ownednessOf(target, policy) === 'ours' && policy.metadata.labels?.[labels.revision] === revision,
    );
    const wanted = router.renderPolicies(target, revision, all) as readonly PolicyObject[];
    const isWanted = ({ metadata }: PolicyObject) => wanted.some((policy) => policy.metadata.name === metadata.name);
    return {
      wanted,
      existing: new Map(ours.map((policy) => [policy.metadata.name, policy])),
      inTheWay: all.filter((policy) => isWanted(policy) && ownednessOf(target, policy) !== 'ours'),
    };
  };

  const ensureService = async (target: RouteTarget, revision: string): Promise<void> => {
    const user = await service(target, target.service);
    if (user === undefined) throw serviceMissing(target);
    const wanted = renderRevisionService(target, revision, user);
    const existing = await service(target, wanted.metadata.name);
    if (existing === undefined) return store.write({ kind: 'create', of: kinds.service, object: wanted });
    checkRevisionService(target, wanted, existing);
    if (isRevisionServiceInStep(wanted, existing)) return;
    const object = overExisting(existing, { ...wanted, spec: { ...existing.spec, ...wanted.spec } });
    await store.write({ kind: 'replace', of: kinds.service, object });
  };

  const ensurePolicies = async (target: RouteTarget, revision: string): Promise<void> => {
    const { policyKind } = routerOf(target);
    const { wanted, existing, inTheWay } = await policiesOf(target, revision);
    for (const policy of inTheWay) checkIsOurs(target, policy);
    for (const policy of wanted) {
      const has = existing.get(policy.metadata.name);
      if (has === undefined) await store.write({ kind: 'create', of: policyKind, object: policy });
      else if (!isEqual(has.spec, policy.spec)) {
        await store.write({ kind: 'replace', of: policyKind, object: overExisting(has, policy) });
      }
    }
    for (const [name, policy] of existing) {
      if (!wanted.some(({ metadata }) => metadata.name === name)) await removeOwn(target, policy);
    }
  };

  const removeOwn = async (target: RouteTarget, object: KubeObject): Promise<void> => {
    const { name, uid = '', resourceVersion = '' } = object.metadata;
    const kind = object.kind === kinds.service.kind ? kinds.service : routerOf(target).policyKind;
    await store.write({ kind: 'delete', ref: { kind, namespace: target.namespace, name }, uid, resourceVersion });
  };

  return {
    async read(target, revision) {
      const name = revisionServiceName(target, revision);
      const [user, existing] = [await service(target, target.service), await service(target, name)];
      const hasService = existing !== undefined && ownednessOf(target, existing) === 'ours';
      const slices = await store.list<EndpointSlice>(kinds.endpointSlice, target.namespace, {
        [SLICE_SERVICE_LABEL]: name,
      });
      const { wanted, existing: policies } = await policiesOf(target, revision);
      const isInStep = hasService && user !== undefined && isServiceInStep(target, revision, { user, existing });
      return {
        // A removal that was cut off has left a policy, which must not be forgotten.
        exists: hasService || policies.size > 0,
        readyEndpoints: hasService ? countReady(slices) : 0,
        policiesInStep:
          isInStep &&
          wanted.length === policies.size &&
          wanted.every(({ metadata, spec }) => isEqual(policies.get(metadata.name)?.spec, spec)),
      };
    },

    async ensure(target, revision) {
      // The policies first: they wait for their host, while a host without them would run unprotected.
      await ensurePolicies(target, revision);
      await ensureService(target, revision);
    },

    async remove(target, revision) {
      const existing = await service(target, revisionServiceName(target, revision), true);
      if (existing !== undefined && ownednessOf(target, existing) === 'ours') await removeOwn(target, existing);
      const { existing: policies } = await policiesOf(target, revision);
      for (const policy of policies.values()) await removeOwn(target, policy);
    },

    async list(target) {
      const ofTarget = { [labels.managedBy]: MANAGER, [labels.service]: target.service };
      const { policyKind } = routerOf(target);
      // Policies too: a removal that was cut off has left one without its Service.
      const objects = [
        ...(await store.list(kinds.service, target.namespace, ofTarget)),
        ...(await store.list(policyKind, target.namespace, ofTarget)),
      ];
      const ours = objects.filter((object) => ownednessOf(target, object) === 'ours');
      return [...new Set(ours.flatMap(({ metadata }) => metadata.labels?.[labels.revision] ?? []))].toSorted();
    },
  };
}

/** A user's Service that can no longer be narrowed is out of step: reading must go on, or nothing could be taken back. */
function isServiceInStep(
  target: RouteTarget,
  revision: string,
  { user, existing }: { readonly user: ServiceObject; readonly existing: ServiceObject },
): boolean {
  try {
    return isRevisionServiceInStep(renderRevisionService(target, revision, user), existing);
  } catch (error) {
    if (isAppError(error, 'ConfigError')) return false;
    throw error;
  }
}

/** A pod counts once, however many slices (one per address family) name it. */
function countReady(slices: readonly EndpointSlice[]): number {
  const ready = slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready === true && conditions.terminating !== true);
  return new Set(ready.map(({ targetRef, addresses }) => targetRef?.uid ?? addresses[0])).size;
}

/** The user's Service is gone, so that there is nothing to render the Service of a revision from. */
export function serviceMissing(target: RouteTarget): AppError {
  return new AppError(
    'ConfigError',
    'SERVICE_MISSING',
    `Service "${target.namespace}/${target.service}" (spec.service.name) does not exist; create it or name another`,
  );
}
