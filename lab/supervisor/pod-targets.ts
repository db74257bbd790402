/** As much of a Pod as Prometheus' discovery looks at. */
export interface DiscoveredPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller?: boolean;
    }[];
  };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string; readonly podIP?: string };
}

/** One entry of a file that Prometheus' file_sd reads. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The target groups of pods, with the `__meta_kubernetes_*` labels of Prometheus' own Kubernetes discovery: Debian's
 * Prometheus is built without it. Unlike there, a pod is one target, not one for each port.
 */
export function podTargets(pods: Iterable<DiscoveredPod>): TargetGroup[] {
  return [...pods].flatMap((pod) => {
    const address = pod.status?.podIP;
    return address ? [{ targets: [address], labels: metaLabels(pod, address) }] : [];
  });
}

function metaLabels(pod: DiscoveredPod, address: string): Record<string, string> {
  const { metadata } = pod;
  const controller = metadata.ownerReferences?.find((owner) => owner.controller);
  return {
    __meta_kubernetes_namespace: metadata.namespace,
    __meta_kubernetes_pod_name: metadata.name,
    __meta_kubernetes_pod_uid: metadata.uid,
    __meta_kubernetes_pod_ip: address,
    __meta_kubernetes_pod_phase: pod.status?.phase ?? 'Unknown',
    __meta_kubernetes_pod_node_name: pod.spec?.nodeName ?? '',
    ...(controller && {
      __meta_kubernetes_pod_controller_kind: controller.kind,
      __meta_kubernetes_pod_controller_name: controller.name,
    }),
    ...prefixed('__meta_kubernetes_pod_label_', metadata.labels),
    ...prefixed('__meta_kubernetes_pod_annotation_', metadata.annotations),
  };
}

function prefixed(prefix: string, values: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [prefix + name.replace(/[^a-zA-Z0-9_]/g, '_'), value]),
  );
}
