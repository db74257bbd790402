import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { LabError, messageOf } from '../lab-error.ts';
import { LAB_FOLDER } from '../paths.ts';
import type { ApiClient, ApiObject } from './api-client.ts';
import { MESH_NAMESPACE, MESH_OBJECTS } from './mesh-objects.ts';

const CRD_PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
// Seconds on a machine of its own; with two cores shared by many it took half a minute.
const SERVED_WITHIN_MS = 120_000;
const POLL_MS = 100;

interface Definition extends ApiObject {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly { readonly name: string; readonly served: boolean }[];
  };
}

/** Creates the definitions of Istio and of this project, and what istiod needs at its start, in an empty cluster. */
export async function applyDefinitions(api: ApiClient, istioCrds: string): Promise<void> {
  const definitions = [
    ...(JSON.parse(await readFile(istioCrds, 'utf8')) as Definition[]),
    ...(await projectDefinitions()),
  ];
  await Promise.all([
    api.create('/api/v1/namespaces', MESH_NAMESPACE),
    ...definitions.map((definition) => createDefinition(api, definition)),
  ]);
  await waitUntilServed(api, definitions);
  await Promise.all(MESH_OBJECTS.map((object) => api.create(collectionOf(object, definitions), object)));
}

async function createDefinition(api: ApiClient, definition: Definition): Promise<void> {
  await api.create(CRD_PATH, definition).catch((cause: unknown) => {
    throw new LabError(`cannot create the definition ${definition.metadata.name}: ${messageOf(cause)}`, { cause });
  });
}

/** Discovery is asked because it is small: a list of all definitions is a megabyte that the server must write anew. */
async function waitUntilServed(api: ApiClient, definitions: readonly Definition[]): Promise<void> {
  const deadlineMs = performance.now() + SERVED_WITHIN_MS;
  for (const [groupVersion, plurals] of pluralsByGroupVersion(definitions)) {
    for (;;) {
      const served = await servedPlurals(api, groupVersion);
      const missing = plurals.filter((plural) => !served.has(plural));
      if (missing.length === 0) break;
      if (performance.now() > deadlineMs) {
        throw new LabError(`not served within ${SERVED_WITHIN_MS / 1000} s: ${missing.join(', ')} of ${groupVersion}`);
      }
      await delay(POLL_MS);
    }
  }
}

function pluralsByGroupVersion(definitions: readonly Definition[]): ReadonlyMap<string, readonly string[]> {
  const plurals = new Map<string, string[]>();
  for (const { spec } of definitions) {
    for (const version of spec.versions.filter((one) => one.served)) {
      const key = `${spec.group}/${version.name}`;
      plurals.set(key, [...(plurals.get(key) ?? []), spec.names.plural]);
    }
  }
  return plurals;
}

async function servedPlurals(api: ApiClient, groupVersion: string): Promise<ReadonlySet<string>> {
  const list = await api.read(`/apis/${groupVersion}`).catch(() => ({ resources: [] }));
  return new Set(
    (list as { readonly resources: readonly { readonly name: string }[] }).resources.map((one) => one.name),
  );
}

function collectionOf(object: ApiObject, definitions: readonly Definition[]): string {
  const plural = definitions.find((definition) => definition.spec.names.kind === object.kind)?.spec.names.plural;
  if (!plural) throw new LabError(`Istio's definitions have no kind ${object.kind}`);
  return `/apis/${object.apiVersion}/namespaces/${object.metadata.namespace}/${plural}`;
}

async function projectDefinitions(): Promise<Definition[]> {
  const folder = join(LAB_FOLDER, '../crds');
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.ya?ml$/.test(name));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Definition));
}
