import { rename, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../lab-error.ts';
import { eachLine } from '../parts/run.ts';
import type { ApiClient } from './api-client.ts';
import { type DiscoveredPod, podTargets } from './pod-targets.ts';

interface PodList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly DiscoveredPod[];
}

interface PodEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: DiscoveredPod;
}

/** The API server may be stopped on purpose for a while. */
const RETRY_MS = 500;
/** A watch that the server does not end by itself ends after this; then the pods are listed again. */
const WATCH_SECONDS = 300;

/** Keeps the file that Prometheus reads equal to the pods of the cluster, for as long as the process lives. */
export async function discoverPods(api: ApiClient, targetsFile: string): Promise<never> {
  const pods = new Map<string, DiscoveredPod>();
  const write = latestOnly(() => replaceFile(targetsFile, JSON.stringify(podTargets(pods.values()))));
  for (;;) {
    try {
      const list = (await api.read('/api/v1/pods')) as PodList;
      pods.clear();
      for (const pod of list.items) pods.set(pod.metadata.uid, pod);
      write();
      await watch(api, list.metadata.resourceVersion, (event) => {
        if (event.type === 'DELETED') pods.delete(event.object.metadata.uid);
        else pods.set(event.object.metadata.uid, event.object);
        write();
      });
    } catch {
      // The API server is away; targets stay as they were, as with Prometheus' own discovery.
      await delay(RETRY_MS);
    }
  }
}

async function watch(api: ApiClient, resourceVersion: string, onEvent: (event: PodEvent) => void): Promise<void> {
  const query = `watch=true&resourceVersion=${resourceVersion}&timeoutSeconds=${WATCH_SECONDS}`;
  const response = await api.open(`/api/v1/pods?${query}`);
  await new Promise<void>((resolve, reject) => {
    response.on('error', reject);
    response.on('close', resolve);
    eachLine(response, (line) => {
      const event = JSON.parse(line) as PodEvent;
      if (event.type === 'ERROR') response.destroy(new LabError(`the watch of pods ended: ${line}`));
      else if (event.type !== 'BOOKMARK') onEvent(event);
    });
  });
}

/** Writes beside the file and renames, so that Prometheus never reads half of it. */
async function replaceFile(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

/** Runs `work` after each call, once for all calls that come while it runs. */
function latestOnly(work: () => Promise<void>): () => void {
  let wanted = false;
  let isRunning = false;
  const loop = async () => {
    isRunning = true;
    while (wanted) {
      wanted = false;
      await work();
    }
    isRunning = false;
  };
  return () => {
    wanted = true;
    if (!isRunning) void loop();
  };
}
