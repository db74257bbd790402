import type { KubeObject } from '../kube/port.ts';
import { AppError } from '../lib/errors.ts';
import { isEqual } from './difference.ts';
import { checkIsOurs, ownMetadata } from './own-object.ts';
import type { RouteTarget } from './port.ts';
import { revisionServiceName } from './route.ts';

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly appProtocol?: string;
  readonly targetPort?: number | string;
  readonly nodePort?: number;
}

/** The parts of a Service that matter here. */
export interface ServiceObject extends KubeObject {
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly ServicePort[];
    readonly ipFamilies?: readonly string[];
    readonly ipFamilyPolicy?: string;
    readonly internalTrafficPolicy?: string;
    readonly trafficDistribution?: string;
  };
}

/** The pod label by which a revision Service selects the pods of its revision. */
export const REVISION_POD_LABEL = 'pod-template-hash';

/** Istio reads these annotations from Services (who may see it, how its traffic is spread); the revision must not differ. */
const CARRIED_ANNOTATIONS = /^networking\.istio\.io\//;

/** A DNS label, which the name of a Service is. */
const MAX_NAME_LENGTH = 63;

/**
 * The immutable Service of one revision: the user's selector narrowed to the revision's pods, with the user's ports. Throws a
 * ConfigError where the user's Service cannot be narrowed.
 */
export function renderRevisionService(target: RouteTarget, revision: string, user: ServiceObject): ServiceObject {
  checkUserService(target, user);
  const name = revisionServiceName(target, revision);
  if (name.length > MAX_NAME_LENGTH) throw nameTooLong(target, name);
  const { spec } = user;
  const annotations = Object.entries(user.metadata.annotations ?? {}).filter(([key]) => CARRIED_ANNOTATIONS.test(key));
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...ownMetadata(target, name, revision),
      ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    },
    spec: {
      type: 'ClusterIP',
      // Istio treats a headless Service in its own way; a revision of one must be treated alike.
      ...(spec.clusterIP === 'None' && { clusterIP: 'None' }),
      selector: { ...spec.selector, [REVISION_POD_LABEL]: revision },
      ports: (spec.ports ?? []).map(({ nodePort: _ofTheUsersServiceOnly, ...port }) => port),
      // Of the rest only what decides how the mesh reaches the pods. `publishNotReadyAddresses` is left out on purpose: it would
      // give weight to pods that are not ready.
      ...(spec.ipFamilies && { ipFamilies: spec.ipFamilies }),
      ...(spec.ipFamilyPolicy && { ipFamilyPolicy: spec.ipFamilyPolicy }),
      ...(spec.internalTrafficPolicy && { internalTrafficPolicy: spec.internalTrafficPolicy }),
      ...(spec.trafficDistribution && { trafficDistribution: spec.trafficDistribution }),
    },
  };
}

/** Whether what is there needs no write. The selector is not looked at: see checkRevisionService. */
export function isRevisionServiceInStep(wanted: ServiceObject, existing: ServiceObject): boolean {
  const annotationsOf = ({ metadata }: ServiceObject) =>
    Object.entries(metadata.annotations ?? {}).filter(([key]) => CARRIED_ANNOTATIONS.test(key));
  return (
    isEqual(wanted.spec.ports, existing.spec.ports) &&
    wanted.spec.internalTrafficPolicy === existing.spec.internalTrafficPolicy &&
    wanted.spec.trafficDistribution === existing.spec.trafficDistribution &&
    isEqual(Object.fromEntries(annotationsOf(wanted)), Object.fromEntries(annotationsOf(existing)))
  );
}

/** Refuses a Service that has the name of a revision Service but is not it. A selector is never re-pointed. */
export function checkRevisionService(target: RouteTarget, wanted: ServiceObject, existing: ServiceObject): void {
  checkIsOurs(target, existing);
  if (!isEqual(wanted.spec.selector, existing.spec.selector)) {
    throw new AppError(
      'ConfigError',
      'REVISION_SERVICE_SELECTOR',
      `Service "${target.namespace}/${existing.metadata.name}" selects ${JSON.stringify(existing.spec.selector)}, not ${JSON.stringify(wanted.spec.selector)}; Sluice never re-points a Service: undo the change of the selector of Service "${target.service}", or delete that Service when no route names it`,
    );
  }
}

/** Refuses a user's Service that cannot be routed by revision; the message names spec.service of the Rollout and the cure. */
export function checkUserService(target: RouteTarget, user: ServiceObject): void {
  const { spec } = user;
  const where = `Service "${target.namespace}/${target.service}" (spec.service.name)`;
  if (spec.type === 'ExternalName') {
    throw new AppError(
      'ConfigError',
      'SERVICE_EXTERNAL',
      `${where} is of type ExternalName; name one that selects pods`,
    );
  }
  if (Object.keys(spec.selector ?? {}).length === 0) {
    throw new AppError('ConfigError', 'SERVICE_WITHOUT_SELECTOR', `${where} has no selector; give it one for its pods`);
  }
  if (spec.selector?.[REVISION_POD_LABEL] !== undefined) {
    throw new AppError(
      'ConfigError',
      'SERVICE_SELECTS_REVISION',
      `${where} selects a single revision by ${REVISION_POD_LABEL}; remove that label from its selector`,
    );
  }
  if (portOf(target, user) === undefined) {
    const ports = (spec.ports ?? []).map(({ name, port }) => (name === undefined ? port : `${name} (${port})`));
    throw new AppError(
      'ConfigError',
      'SERVICE_PORT_UNKNOWN',
      `${where} has no port "${target.port}" (spec.service.port); it has ${ports.join(', ')}`,
    );
  }
}

/** The port that the target names, or undefined where the Service has no such port. */
export function portOf(target: RouteTarget, { spec }: ServiceObject): ServicePort | undefined {
  return spec.ports?.find(({ name, port }) => name === target.port || String(port) === String(target.port));
}

function nameTooLong(target: RouteTarget, name: string): AppError {
  return new AppError(
    'ConfigError',
    'SERVICE_NAME_TOO_LONG',
    `the Service "${name}" that a revision needs would have ${name.length} characters, and Kubernetes allows ${MAX_NAME_LENGTH}; give the Service "${target.service}" (spec.service.name) a shorter name`,
  );
}
