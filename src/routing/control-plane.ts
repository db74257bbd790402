import { kinds } from '../kube/kinds.ts';
import type { Kube, KubeObject } from '../kube/port.ts';
import { isAppError } from '../lib/errors.ts';
import { ROOT_NAMESPACE } from './faults/arming.ts';

/** Whether istiod can be reached. `absent`: its Service is not in this cluster, so that nobody here can tell. */
export type ControlPlaneReading =
  | { readonly state: 'ready' | 'unready' | 'absent' }
  | { readonly state: 'unknown'; readonly message: string };

/** Each revision of istiod has a Service with this label, which its EndpointSlices take over. */
const ISTIOD = 'app=istiod';

type EndpointSlice = KubeObject & {
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[] | null;
};

/** Reads the endpoints of istiod from the API server. */
export async function readControlPlane(kube: Pick<Kube, 'list'>): Promise<ControlPlaneReading> {
  try {
    const { items } = await kube.list<EndpointSlice>(kinds.endpointSlice, {
      namespace: ROOT_NAMESPACE,
      labelSelector: ISTIOD,
    });
    if (items.length === 0) return { state: 'absent' };
    // A condition that is not set means ready.
    const isReady = items.some(({ endpoints }) => endpoints?.some(({ conditions }) => conditions?.ready !== false));
    return { state: isReady ? 'ready' : 'unready' };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { state: 'unknown', message: `EndpointSlices of istiod in ${ROOT_NAMESPACE}: ${error.message}` };
  }
}
