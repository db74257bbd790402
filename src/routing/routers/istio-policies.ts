import type { KubeObject } from '../../kube/port.ts';
import { isEqual } from '../difference.ts';
import { coversNamespace, namesService } from '../hosts.ts';
import { ownednessOf, ownMetadata } from '../own-object.ts';
import type { RouteTarget } from '../port.ts';
import { revisionServiceName } from '../route.ts';
import type { DestinationRule, DestinationRuleSpec } from './istio-types.ts';

/**
 * The DestinationRules that give the host of one revision the user's traffic policy of the plain host, which does not reach it
 * otherwise: circuit breakers and outlier detection would silently vanish for the time of a release. Subsets are not carried over,
 * because no route names them. Only rules of the Service's own namespace are looked at; rules of a client's namespace or of
 * Istio's root namespace are not carried over (docs/routing.md).
 */
export function renderPolicies(
  target: RouteTarget,
  revision: string,
  policies: readonly KubeObject[],
): readonly DestinationRule[] {
  const users = (policies as readonly DestinationRule[])
    .filter((rule) => ownednessOf(target, rule) === 'foreign')
    .toSorted(byAge);
  const service = { namespace: target.namespace, name: target.service };
  const ofHost = users.filter(({ spec }) => namesService(spec.host, target.namespace, service));
  const isCovered = users.some(({ spec }) => coversNamespace(spec.host, target.namespace));
  return (
    merge(ofHost)
      // A rule without policy still hides a wildcard rule from the plain host, and must from the revision too.
      .filter(({ spec }) => spec.trafficPolicy !== undefined || isCovered)
      .map(({ metadata, spec }, index) => render(target, revision, index === 0 ? '' : `-${metadata.name}`, spec))
  );
}

/** Istio merges rules of one host: the oldest one that has a policy or an export wins, apart for each set of workloads. */
function merge(rules: readonly DestinationRule[]): readonly DestinationRule[] {
  const merged: DestinationRule[] = [];
  for (const rule of rules) {
    const index = merged.findIndex(({ spec }) => isEqual(spec.workloadSelector, rule.spec.workloadSelector));
    const older = merged[index];
    if (older === undefined) merged.push(rule);
    else merged[index] = { ...older, spec: { ...rule.spec, ...older.spec } };
  }
  return merged;
}

function render(target: RouteTarget, revision: string, suffix: string, spec: DestinationRuleSpec): DestinationRule {
  const host = revisionServiceName(target, revision);
  const { trafficPolicy, exportTo, workloadSelector } = spec;
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: ownMetadata(target, host + suffix, revision),
    spec: {
      host,
      ...(trafficPolicy !== undefined && { trafficPolicy }),
      ...(exportTo !== undefined && { exportTo }),
      ...(workloadSelector !== undefined && { workloadSelector }),
    },
  };
}

function byAge(a: DestinationRule, b: DestinationRule): number {
  const [ageOfA = '', ageOfB = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  if (ageOfA !== ageOfB) return ageOfA < ageOfB ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
