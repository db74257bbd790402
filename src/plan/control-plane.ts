import type { Answer } from '../metrics/questions.ts';
import type { ControlPlaneReading } from '../routing/control-plane.ts';

/** What istiod says of its own pushes: those that it could not build or send, and those that proxies refused. */
export const PUSH_ERRORS_QUERY = [
  'sum by (type) (increase(pilot_xds_pushes{type=~".*err.*"}[2m])) > 0',
  'sum(increase(pilot_total_xds_internal_errors[2m])) > 0',
  'sum(increase(pilot_total_xds_rejects[2m])) > 0',
].join(' or ');

/** Whether proxies would still learn that a fault is over. */
export interface ControlPlane {
  readonly state: 'ready' | 'trouble' | 'unknown';
  readonly message: string;
}

/** Joins what the API server and the metrics say. Where istiod is not in the cluster and not scraped, nothing speaks against it. Pure. */
export function controlPlaneOf(endpoints: ControlPlaneReading, pushErrors: Answer): ControlPlane {
  if (endpoints.state === 'unready') {
    return {
      state: 'trouble',
      message: 'no endpoint of istiod is ready: proxies would not learn that a fault is over',
    };
  }
  if (pushErrors.state === 'known' && pushErrors.samples.length > 0) {
    const what = pushErrors.samples.flatMap(({ labels }) => labels['type'] ?? []).join(', ');
    const kinds = what === '' ? '' : ` (${what})`;
    return {
      state: 'trouble',
      message: `istiod could not push to proxies, or they refused it, within 2 min${kinds}: see its log`,
    };
  }
  if (endpoints.state === 'unknown') return endpoints;
  if (pushErrors.state === 'unknown') return { state: 'unknown', message: `pushes of istiod: ${pushErrors.message}` };
  return { state: 'ready', message: 'istiod is ready' };
}
