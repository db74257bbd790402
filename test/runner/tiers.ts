import { listChecks, runChecks } from './checks.ts';
import type { Tier } from './tier.ts';
import { runVitest } from './vitest-run.ts';

/**
 * All tiers in the order in which they run. What the lab is made of is imported when a tier needs it, so that a mistake in the lab
 * is one failed tier and the others still tell what they know.
 */
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
    purpose: 'each port with each of its implementations; Redis and Prometheus are real',
    async run(context) {
      const { ensureServers } = await import('./servers.ts');
      const env = await ensureServers(context);
      await runVitest({ project: 'contract', env }, context);
    },
  },
  vitestTier('simulation', 'the whole controller on a cluster in memory, with seeded faults'),
  {
    name: 'lab',
    purpose: 'a real API server, istiod, Envoy and Prometheus',
    async run(context) {
      const { runLabTier } = await import('./lab-tier.ts');
      await runLabTier(context);
    },
  },
];

function vitestTier(name: string, purpose: string): Tier {
  return { name, purpose, run: (context) => runVitest({ project: name }, context) };
}
