import { createHash } from 'node:crypto';

/** Parts that are installed one after the other because they share a tool that does not work twice at once. */
export type Lane = 'go' | 'apt' | 'pip' | 'npm';

export type PartName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'istiod'
  | 'istio-crds'
  | 'envoy'
  | 'prometheus'
  | 'redis'
  | 'kubectl';

/** Tells what an installation does just now. */
export type Step = (step: string, detail?: string) => void;

export interface InstallContext {
  /** An empty folder; what is left in it becomes the installed part. */
  readonly target: string;
  /** The cache folder, for what an installer keeps between runs. */
  readonly cache: string;
  readonly step: Step;
}

/** One program (or set of files) of the lab: where it comes from and how to see that it is right. */
export interface Part {
  readonly name: PartName;
  readonly version: string;
  /** The origin, for people. */
  readonly source: string;
  readonly lane: Lane;
  /** Everything that decides what is installed; its hash is in the cache path. */
  readonly cacheKey: () => string;
  /** Throws the line that names the first tool missing for its installation, and the cure. */
  readonly requireTools: () => void;
  readonly install: (context: InstallContext) => Promise<void>;
  /** Files of interest by a short name, relative to the installed folder. */
  readonly files: Readonly<Record<string, string>>;
  /** The file to run with these arguments, whose output must contain `expect`; parts without a program have none. */
  readonly check?: {
    readonly file: string;
    readonly args: readonly string[];
    readonly expect: string;
  };
}

/** The folder name of a part in the cache: name, version and a hash of all that decides its content. */
export function partFolderName(part: Pick<Part, 'name' | 'version' | 'cacheKey'>): string {
  const hash = createHash('sha256').update(part.cacheKey()).digest('hex').slice(0, 12);
  return `${part.name}-${part.version}-${hash}`;
}
