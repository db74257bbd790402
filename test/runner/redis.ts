import { dirname } from 'node:path';
import { LabError } from '../../lab/lab-error.ts';
import { debianEnvironment } from '../../lab/parts/debian.ts';
import { installPart } from '../../lab/parts/install.ts';
import { partNamed } from '../../lab/parts/registry.ts';
import { cacheFolder } from '../../lab/paths.ts';
import { showPart } from './parts.ts';
import type { TierContext } from './tier.ts';

/** Tells contract tests why there is no redis-server; they then skip with this reason. */
const WITHOUT_REDIS = 'SLUICE_TEST_WITHOUT_REDIS';

/**
 * Installs the lab's redis-server unless it is there and resolves with an environment in which `redis-server` is on the PATH.
 * On a machine that cannot have it the tests are told why; with CI=true that is an error.
 */
export async function ensureRedis(context: TierContext): Promise<Readonly<Record<string, string>>> {
  try {
    const part = await installPart(partNamed('redis'), {
      cache: cacheFolder(),
      onProgress: showPart(context.terminal),
    });
    const { LD_LIBRARY_PATH = '' } = debianEnvironment(part.folder);
    const folder = dirname(part.files['redis-server'] ?? '');
    return { LD_LIBRARY_PATH, PATH: `${folder}:${process.env.PATH ?? ''}` };
  } catch (error) {
    if (!(error instanceof LabError && error.missing) || process.env.CI === 'true') throw error;
    return { [WITHOUT_REDIS]: error.message };
  }
}
