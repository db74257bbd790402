/** What the launcher tells the supervisor, as JSON in the state folder. */
export interface SupervisorConfig {
  readonly name: string;
  readonly state: string;
  readonly scrapeIntervalSeconds: number;
  /** Absolute paths of the programs and files of the parts, by part and short name. */
  readonly files: {
    readonly etcd: string;
    readonly kubeApiserver: string;
    readonly kubeControllerManager: string;
    readonly pilotDiscovery: string;
    readonly istioCrds: string;
    readonly envoy: string;
    readonly prometheus: string;
    readonly redisServer: string;
    readonly kubectl: string;
  };
  /** The cache folder, where pods' programs may keep compiled code. */
  readonly cache: string;
  /** PATH of the kubelet and so of the pods' processes. */
  readonly path: string;
}
