import { listChecks, runChecks } from './checks.ts';
import { runLabTier } from './lab-tier.ts';
import { ensureRedis } from './redis.ts';
import type { Tier } from './tier.ts';
import { runVitest } from './vitest-run.ts';

/** All tiers in the order in which they run. */
export const tiers: readonly Tier[] = [
  {
    name: 'tidy',
    purpose: 'types, format, layers, dead code, generated files, rules of the house',
    async run(context) {
      await runChecks(listChecks(), context);
      await runVitest({ project: 'tidy' }, context);
    },
  },
  vitestTier('unit', 'tests beside the sources: machines, judge, every folder of src and lab'),
  vitestTier('golden', 'inputs and outputs kept as files'),
  {
    name: 'contract',
    purpose: 'each port with each of its implementations; Redis is real',
    async run(context) {
      const env = await ensureRedis(context);
      await runVitest({ project: 'contract', env }, context);
    },
  },
  vitestTier('simulation', 'the whole controller on a cluster in memory, with seeded faults'),
  { name: 'lab', purpose: 'a real API server, istiod, Envoy and Prometheus', run: runLabTier },
];

function vitestTier(name: string, purpose: string): Tier {
  return { name, purpose, run: (context) => runVitest({ project: name }, context) };
}
