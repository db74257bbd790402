import { LabError } from '../lab-error.ts';
import { prometheus, redis } from './debian.ts';
import { envoy } from './envoy.ts';
import { etcd } from './etcd.ts';
import { istioCrds, istiod } from './istio.ts';
import { kubectl } from './kubectl.ts';
import { kubeApiserver, kubeControllerManager } from './kubernetes.ts';
import type { Part, PartName } from './part.ts';

/** Every part of the lab, quick ones first within their lane. */
export const PARTS: Readonly<Record<PartName, Part>> = {
  etcd,
  'kube-apiserver': kubeApiserver,
  'kube-controller-manager': kubeControllerManager,
  'istio-crds': istioCrds,
  istiod,
  envoy,
  prometheus,
  redis,
  kubectl,
};

/** The part called `name`; the error lists the names there are. */
export function partNamed(name: string): Part {
  const part = Object.entries(PARTS).find(([key]) => key === name)?.[1];
  if (part) return part;
  throw new LabError(`there is no part "${name}"; the parts are ${Object.keys(PARTS).join(', ')}`);
}
