import { listChecks, runChecks } from './checks.ts';
import { runLabTier } from './lab-tier.ts';
import { ensureRedis } from './redis.ts';
import type { Counts } from './tally.ts';
import type { Terminal } from './terminal.ts';
import { runVitest } from './vitest-run.ts';

export interface TierContext {
  readonly counts: Counts;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** Only tests whose file path, or checks whose name, contains this. */
  readonly filter: string | undefined;
}

/** One stage of `npm test`; a later one needs more of the machine and takes longer. */
export interface Tier {
  readonly name: string;
  readonly purpose: string;
  run(context: TierContext): Promise<void>;
}

/** All tiers in the order in which they run. */
export const tiers: readonly Tier[] = [
  {
    name: 'tidy',
    purpose: 'types, format, layers, dead code, generated files, rules of the house',
    async run(context) {
      const { filter = '' } = context;
      await runChecks(
        listChecks().filter((check) => check.name.includes(filter)),
        context,
      );
      await runVitest({ project: 'tidy', filter: context.filter }, context);
    },
  },
  vitestTier('unit', 'tests beside the sources: machines, judge, every folder of src and lab'),
  vitestTier('golden', 'inputs and outputs kept as files'),
  {
    name: 'contract',
    purpose: 'each port with each of its implementations; Redis is real',
    async run(context) {
      const env = await ensureRedis(context);
      await runVitest({ project: 'contract', filter: context.filter, env }, context);
    },
  },
  vitestTier('simulation', 'the whole controller on a cluster in memory, with seeded faults'),
  { name: 'lab', purpose: 'a real API server, istiod, Envoy and Prometheus', run: runLabTier },
];

function vitestTier(name: string, purpose: string): Tier {
  return { name, purpose, run: (context) => runVitest({ project: name, filter: context.filter }, context) };
}
