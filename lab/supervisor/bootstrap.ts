import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../parts/run.ts';
import { LAB_FOLDER } from '../paths.ts';
import type { SupervisorConfig } from './config.ts';
import { meshObjects, NAMESPACES } from './mesh-objects.ts';

/** Applies what istiod needs at its start and the project's own definitions, once the API is ready. */
export async function applyDefinitions(config: SupervisorConfig, kubeconfig: string): Promise<void> {
  const own = await projectDefinitions();
  const files = [config.files.istioCrds, ...own].flatMap((file) => ['-f', file]);
  await Promise.all([
    kubectl(config, kubeconfig, ['apply', '--server-side', '--force-conflicts', ...files]),
    kubectl(config, kubeconfig, ['apply', '--server-side', '-f', '-'], NAMESPACES),
  ]);
  await kubectl(config, kubeconfig, ['wait', '--for=condition=Established', '--timeout=30s', ...files]);
  await kubectl(config, kubeconfig, ['apply', '--server-side', '-f', '-'], meshObjects());
}

async function projectDefinitions(): Promise<string[]> {
  const folder = join(LAB_FOLDER, '../crds');
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => /\.ya?ml$/.test(name)).map((name) => join(folder, name));
}

function kubectl(
  config: SupervisorConfig,
  kubeconfig: string,
  args: readonly string[],
  input?: string,
): Promise<string> {
  return run(config.files.kubectl, args, {
    env: { KUBECONFIG: kubeconfig },
    ...(input === undefined ? {} : { input }),
  });
}
