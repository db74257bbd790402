import type { Container, EnvFrom, EnvVar, KeyValueObject, Pod } from './pod.ts';

/** The objects that a pod's containers refer to, as read just before a container starts. */
export interface Sources {
  readonly configMaps: ReadonlyMap<string, KeyValueObject>;
  readonly secrets: ReadonlyMap<string, KeyValueObject>;
}

/** Where the pod runs. */
export interface PodPlace {
  readonly podIp: string;
  readonly hostIp: string;
  readonly nodeName: string;
}

/** A thing in the pod that keeps a container from being started, in words for its status. Returned, not thrown. */
export class Problem extends Error {}

export type Environment = Readonly<Record<string, string>>;

/** True when `result` is a Problem. */
export function isProblem(result: unknown): result is Problem {
  return result instanceof Problem;
}

/** Replaces `$(NAME)` by the variable's value; an unknown name stays as it is, and `$$` stands for one `$`. */
export function expandVariables(text: string, variables: Environment): string {
  return text.replace(/\$\$|\$\(([^()]+)\)/g, (match, name: string | undefined) => {
    if (name === undefined) return '$';
    return variables[name] ?? match;
  });
}

/** The text under `key` of a ConfigMap or Secret, decoded, or undefined. */
export function textAt(object: KeyValueObject, key: string): string | undefined {
  const text = object.data?.[key];
  if (text === undefined) return undefined;
  return object.kind === 'Secret' ? Buffer.from(text, 'base64').toString('utf8') : text;
}

function fieldValue(path: string, pod: Pod, place: PodPlace): string | Problem {
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (keyed) return pod.metadata[keyed[1] === 'labels' ? 'labels' : 'annotations']?.[keyed[2] ?? ''] ?? '';
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace ?? 'default',
    'metadata.uid': pod.metadata.uid ?? '',
    'spec.nodeName': place.nodeName,
    'spec.serviceAccountName': pod.spec.serviceAccountName ?? 'default',
    'status.podIP': place.podIp,
    'status.podIPs': place.podIp,
    'status.hostIP': place.hostIp,
    'status.hostIPs': place.hostIp,
  };
  return fields[path] ?? new Problem(`fieldRef ${path} is not supported`);
}

type Lookup = string | undefined | Problem;

function lookUp(
  kind: 'configmap' | 'secret',
  objects: ReadonlyMap<string, KeyValueObject>,
  ref: { readonly name: string; readonly key: string; readonly optional?: boolean },
): Lookup {
  const object = objects.get(ref.name);
  const text = object && textAt(object, ref.key);
  if (text !== undefined || ref.optional) return text;
  return new Problem(
    object ? `couldn't find key ${ref.key} in ${kind} "${ref.name}"` : `${kind} "${ref.name}" not found`,
  );
}

interface VariableContext {
  readonly place: PodPlace;
  readonly sources: Sources;
  /** Variables that a value may refer to. */
  readonly before: Environment;
}

function variableValue(variable: EnvVar, pod: Pod, { place, sources, before }: VariableContext): Lookup {
  const from = variable.valueFrom;
  if (!from) return expandVariables(variable.value ?? '', before);
  if (from.fieldRef) return fieldValue(from.fieldRef.fieldPath, pod, place);
  if (from.configMapKeyRef) return lookUp('configmap', sources.configMaps, from.configMapKeyRef);
  if (from.secretKeyRef) return lookUp('secret', sources.secrets, from.secretKeyRef);
  return new Problem(`env ${variable.name}: only fieldRef, configMapKeyRef and secretKeyRef are supported`);
}

function wholeObject({ prefix = '', configMapRef, secretRef }: EnvFrom, sources: Sources): Environment | Problem {
  const ref = configMapRef ?? secretRef;
  if (!ref) return {};
  const object = (configMapRef ? sources.configMaps : sources.secrets).get(ref.name);
  if (!object)
    return ref.optional ? {} : new Problem(`${configMapRef ? 'configmap' : 'secret'} "${ref.name}" not found`);
  return Object.fromEntries(Object.keys(object.data ?? {}).map((key) => [prefix + key, textAt(object, key) ?? '']));
}

/**
 * The variables of a container on top of `base`: `envFrom` first, then `env` in order, each able to use `$(NAME)` of those
 * before it.
 */
export function containerEnvironment(
  container: Container,
  pod: Pod,
  context: { readonly place: PodPlace; readonly sources: Sources; readonly base: Environment },
): Environment | Problem {
  const variables: Record<string, string> = { ...context.base };
  for (const from of container.envFrom ?? []) {
    const found = wholeObject(from, context.sources);
    if (isProblem(found)) return found;
    Object.assign(variables, found);
  }
  for (const variable of container.env ?? []) {
    const value = variableValue(variable, pod, { ...context, before: variables });
    if (value === undefined) continue;
    if (typeof value !== 'string') return value;
    variables[variable.name] = value;
  }
  return variables;
}

/** Names of the ConfigMaps and Secrets that the pod's containers and volumes refer to. */
export function referencedObjects(pod: Pod): {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
} {
  const configMaps = new Set<string | undefined>();
  const secrets = new Set<string | undefined>();
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    for (const { valueFrom } of container.env ?? []) {
      configMaps.add(valueFrom?.configMapKeyRef?.name);
      secrets.add(valueFrom?.secretKeyRef?.name);
    }
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      configMaps.add(configMapRef?.name);
      secrets.add(secretRef?.name);
    }
  }
  for (const volume of pod.spec.volumes ?? []) {
    configMaps.add(volume.configMap?.name);
    secrets.add(volume.secret?.secretName);
  }
  const names = (set: Set<string | undefined>) => [...set].filter((name) => name !== undefined);
  return { configMaps: names(configMaps), secrets: names(secrets) };
}
