import type { Kind } from './port.ts';

const kind = (apiVersion: string, name: string, plural: string, namespaced = true): Kind => ({
  apiVersion,
  kind: name,
  plural,
  namespaced,
});

/** The kinds that Sluice reads or writes. */
export const kinds = {
  rollout: kind('sluice.dev/v1alpha1', 'Rollout', 'rollouts'),
  serviceLevelObjective: kind('sluice.dev/v1alpha1', 'ServiceLevelObjective', 'servicelevelobjectives'),
  metricsSource: kind('sluice.dev/v1alpha1', 'MetricsSource', 'metricssources'),
  secret: kind('v1', 'Secret', 'secrets'),
  configMap: kind('v1', 'ConfigMap', 'configmaps'),
  chaosExperiment: kind('sluice.dev/v1alpha1', 'ChaosExperiment', 'chaosexperiments'),
  chaosSchedule: kind('sluice.dev/v1alpha1', 'ChaosSchedule', 'chaosschedules'),
  safetyPolicy: kind('sluice.dev/v1alpha1', 'SafetyPolicy', 'safetypolicies', false),
  job: kind('batch/v1', 'Job', 'jobs'),
  deployment: kind('apps/v1', 'Deployment', 'deployments'),
  replicaSet: kind('apps/v1', 'ReplicaSet', 'replicasets'),
  pod: kind('v1', 'Pod', 'pods'),
  namespace: kind('v1', 'Namespace', 'namespaces', false),
  service: kind('v1', 'Service', 'services'),
  endpointSlice: kind('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices'),
  virtualService: kind('networking.istio.io/v1', 'VirtualService', 'virtualservices'),
  envoyFilter: kind('networking.istio.io/v1alpha3', 'EnvoyFilter', 'envoyfilters'),
  destinationRule: kind('networking.istio.io/v1', 'DestinationRule', 'destinationrules'),
  event: kind('events.k8s.io/v1', 'Event', 'events'),
  customResourceDefinition: kind(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    false,
  ),
} as const;
