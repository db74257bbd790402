import { parseOptions, type RunOptions, usage } from './runner/options.ts';
import { renderReport } from './runner/report.ts';
import { noCounts, type Tally, toTally } from './runner/tally.ts';
import { openTerminal } from './runner/terminal.ts';
import type { Tier } from './runner/tier.ts';
import { tiers } from './runner/tiers.ts';

/** Runs the chosen tiers in order and prints what they came to; resolves with the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.kind === 'help') {
    process.stdout.write(usage());
    return 0;
  }
  if (options.kind === 'refused') {
    process.stderr.write(`${options.message}\n\n${usage()}`);
    return 2;
  }
  const signal = abortOnInterrupt();
  const tallies: Tally[] = [];
  for (const tier of tiers.filter((tier) => options.tiers.includes(tier.name))) {
    if (!signal.aborted) tallies.push(await runTier(tier, options, signal));
  }
  const ran = tallies.filter((tally) => options.filter === undefined || hasTests(tally));
  process.stdout.write(`${renderReport(ran)}\n`);
  if (signal.aborted) return 130;
  if (ran.length === 0) process.stderr.write(`no test file or check matches "${options.filter}"\n`);
  return ran.length === 0 || ran.some((tally) => tally.failures.length > 0) ? 1 : 0;
}

async function runTier(tier: Tier, options: RunOptions, signal: AbortSignal): Promise<Tally> {
  const startedAt = Date.now();
  const counts = noCounts();
  process.stdout.write(`\n${tier.name}: ${tier.purpose}\n`);
  const terminal = openTerminal(tier.name, counts);
  try {
    await tier.run({ counts, terminal, signal, filter: options.filter });
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (!signal.aborted) counts.failures.push({ name: `${tier.name}: could not run`, text });
  }
  if (signal.aborted)
    counts.failures.push({ name: `${tier.name}: interrupted`, text: 'the tier did not run to its end' });
  terminal.close();
  const elapsedMs = Date.now() - startedAt;
  return options.filter === undefined
    ? toTally(tier.name, counts, elapsedMs)
    : { tier: tier.name, ...counts, elapsedMs };
}

function hasTests(tally: Tally): boolean {
  return tally.passed + tally.failures.length + tally.skips.length > 0;
}

/** A first interrupt ends the running tier and tears the lab down; a second one ends at once. */
function abortOnInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      process.stderr.write('\ninterrupted: stopping what runs; once more ends at once\n');
      controller.abort();
    });
  }
  return controller.signal;
}

process.exitCode = await main(process.argv.slice(2));
