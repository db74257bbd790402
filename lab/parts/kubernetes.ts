import { goPart } from './go-part.ts';

const VERSION = 'v1.35.4';
const STAMP = 'k8s.io/component-base/version';

// Without these stamps clients see v0.0.0 and refuse or misjudge the server.
const linkerFlags = [
  `-X ${STAMP}.gitVersion=${VERSION}`,
  `-X ${STAMP}.gitMajor=1`,
  `-X ${STAMP}.gitMinor=35`,
  `-X ${STAMP}.gitTreeState=clean`,
];

/** The API server, from the Kubernetes module itself. */
export const kubeApiserver = goPart({
  name: 'kube-apiserver',
  version: VERSION,
  family: 'kubernetes',
  packagePath: 'k8s.io/kubernetes/cmd/kube-apiserver',
  binary: 'kube-apiserver',
  linkerFlags,
  check: { args: ['--version'], expect: VERSION },
});

/** The real controllers: Deployments, ReplicaSets, Jobs, EndpointSlices, garbage collection, … */
export const kubeControllerManager = goPart({
  name: 'kube-controller-manager',
  version: VERSION,
  family: 'kubernetes',
  packagePath: 'k8s.io/kubernetes/cmd/kube-controller-manager',
  binary: 'kube-controller-manager',
  linkerFlags,
  check: { args: ['--version'], expect: VERSION },
});
