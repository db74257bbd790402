import { LabError } from '../../lab/lab-error.ts';
import { installPart } from '../../lab/parts/install.ts';
import { partNamed } from '../../lab/parts/registry.ts';
import { cacheFolder } from '../../lab/paths.ts';
import { showPart } from './parts.ts';
import type { TierContext } from './tier.ts';

/** Tells contract tests why there is no redis-server; they then skip with this reason. */
const WITHOUT_REDIS = 'SLUICE_TEST_WITHOUT_REDIS';

/**
 * Installs the lab's redis-server where it is missing, for the tests to find in the cache. On a machine that cannot have it the
 * result is an environment that tells the tests why; with CI=true that is an error.
 */
export async function ensureRedis(context: TierContext): Promise<Readonly<Record<string, string>>> {
  try {
    await installPart(partNamed('redis'), { cache: cacheFolder(), onProgress: showPart(context.terminal) });
    return {};
  } catch (error) {
    if (!(error instanceof LabError && error.missing) || process.env.CI === 'true') throw error;
    return { [WITHOUT_REDIS]: error.message };
  }
}
