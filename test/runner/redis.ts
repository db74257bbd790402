import type { TierContext } from './tier.ts';

/** Makes sure of a real redis-server and resolves with the environment that tells tests where it is. */
export async function ensureRedis(_context: TierContext): Promise<Readonly<Record<string, string>>> {
  return {};
}
