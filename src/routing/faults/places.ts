import type { FaultTarget } from './port.ts';

const CLUSTER_DOMAIN = 'svc.cluster.local';

/** The full name of the target's Service, or of its revision's. */
export function hostOf({ namespace, service, revision }: FaultTarget): string {
  return `${revision === undefined ? service : `${service}-${revision}`}.${namespace}.${CLUSTER_DOMAIN}`;
}

/** Envoy's name for the requests to the target, whatever routes there are. */
export function virtualHostOf({ namespace, service, port }: FaultTarget): string {
  return `${hostOf({ namespace, service, port })}:${port}`;
}

/** Envoy's name for the connections to the target. Its fault filter wants it without the `;` that ends it elsewhere. */
export function clusterOf(target: FaultTarget): string {
  return `outbound|${target.port}||${hostOf(target)}`;
}
