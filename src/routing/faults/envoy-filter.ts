import type { KubeObject } from '../../kube/port.ts';

/** An EnvoyFilter as far as it is read. */
export interface EnvoyFilter extends KubeObject {
  readonly spec: {
    readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
    readonly configPatches?: readonly ConfigPatch[];
  };
}

export interface ConfigPatch {
  readonly applyTo?: string;
  readonly match?: {
    readonly context?: string;
    readonly routeConfiguration?: { readonly vhost?: { readonly name?: string } };
    readonly cluster?: { readonly service?: string; readonly portNumber?: number };
    readonly listener?: object;
  };
  readonly patch?: { readonly operation?: string; readonly value?: unknown };
}
