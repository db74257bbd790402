import type { CatalogueImage } from '../catalogue/catalogue.ts';
import {
  containerEnvironment,
  type Environment,
  expandVariables,
  isProblem,
  type PodPlace,
  Problem,
  type Sources,
} from './environment.ts';
import { type Container, type Pod, type Probe, wantsSidecar } from './pod.ts';

/** One process to start. */
export interface ProcessPlan {
  readonly argv: readonly string[];
  readonly env: Environment;
  /** Working directory. */
  readonly cwd: string;
}

/** What a container's process plan depends on besides the pod. */
export interface PlanContext {
  readonly place: PodPlace;
  readonly sources: Sources;
  readonly image: CatalogueImage;
  /** Stands for the container's `/`. */
  readonly root: string;
  /** Loopback port of the sidecar's HTTP proxy. */
  readonly proxyPort: number;
  /** Search path for programs. */
  readonly path: string;
}

function unsupportedProbe(name: string, probe: Probe | undefined): Problem | undefined {
  if (!probe || probe.httpGet || probe.tcpSocket) return undefined;
  return new Problem(`${name}: only httpGet and tcpSocket are supported`);
}

function unsupported(container: Container): Problem | undefined {
  const { postStart, preStop } = container.lifecycle ?? {};
  if (postStart !== undefined || preStop?.exec !== undefined || preStop?.httpGet !== undefined) {
    return new Problem('lifecycle: only preStop.sleep is supported');
  }
  return (
    unsupportedProbe('startupProbe', container.startupProbe) ??
    unsupportedProbe('readinessProbe', container.readinessProbe) ??
    unsupportedProbe('livenessProbe', container.livenessProbe)
  );
}

function baseEnvironment(pod: Pod, context: PlanContext): Environment {
  const proxy = `http://127.0.0.1:${context.proxyPort}`;
  return {
    PATH: context.path,
    HOME: context.root,
    HOSTNAME: pod.metadata.name,
    LAB_ROOT: context.root,
    LAB_POD_IP: context.place.podIp,
    ...(wantsSidecar(pod) ? { HTTP_PROXY: proxy, http_proxy: proxy } : {}),
    ...context.image.env,
  };
}

/** The process of a container, or why there cannot be one (shown as CreateContainerConfigError). */
export function containerPlan(pod: Pod, container: Container, context: PlanContext): ProcessPlan | Problem {
  const refused = unsupported(container);
  if (refused) return refused;
  const env = containerEnvironment(container, pod, { ...context, base: baseEnvironment(pod, context) });
  if (isProblem(env)) return env;
  const entry = container.command ?? context.image.entrypoint;
  // As in Kubernetes, a command of one's own also drops the image's default arguments.
  const args = container.args ?? (container.command ? [] : context.image.args);
  return { argv: [...entry, ...args].map((word) => expandVariables(word, env)), env, cwd: context.root };
}
