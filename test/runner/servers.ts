import { LabError } from '../../lab/lab-error.ts';
import { installPart } from '../../lab/parts/install.ts';
import { partNamed } from '../../lab/parts/registry.ts';
import { cacheFolder } from '../../lab/paths.ts';
import { showPart } from './parts.ts';
import type { TierContext } from './tier.ts';

/** Tells contract tests why there is no such server; they then skip with this reason. */
const WITHOUT = { redis: 'SLUICE_TEST_WITHOUT_REDIS', prometheus: 'SLUICE_TEST_WITHOUT_PROMETHEUS' } as const;

/**
 * Installs the lab's redis-server and Prometheus where they are missing, for the tests to find in the cache. On a machine that cannot
 * have one the result is an environment that tells the tests why; with CI=true that is an error.
 */
export async function ensureServers(context: TierContext): Promise<Readonly<Record<string, string>>> {
  const missing: Record<string, string> = {};
  for (const [name, variable] of Object.entries(WITHOUT)) {
    try {
      await installPart(partNamed(name), { cache: cacheFolder(), onProgress: showPart(context.terminal) });
    } catch (error) {
      if (!(error instanceof LabError && error.missing) || process.env.CI === 'true') throw error;
      missing[variable] = error.message;
    }
  }
  return missing;
}
