/** The part of `releases.ts` that runs inside the lab: opens shops, runs the cases, prints lines and the table. */
import { CASES } from './releases-cases.ts';
import type { Run } from './releases-measure.ts';
import { type Summary, summarise, tableOf } from './releases-report.ts';
import { openReleaseBench, type ReleaseBench, type Task } from './releases-run.ts';

const FIRST_PORT = 9490;
const [names = '', runs = '', shops = '1'] = process.argv.slice(2);
const stop = new AbortController();
const stopped = new Promise<never>((_resolve, reject) => {
  stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
});
stopped.catch(() => undefined);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));

const code = await main(names.split(','), Number(runs), Number(shops));
// A run that was broken off still waits for its release.
process.stdout.write('', () => process.exit(code));

async function main(chosen: readonly string[], wantedRuns: number, shopCount: number): Promise<number> {
  const tasks = chosen.flatMap((name): readonly Task[] => {
    const plan = CASES[name];
    if (plan === undefined) throw new Error(`there is no case ${name}`);
    const of = wantedRuns || plan.runs;
    return Array.from({ length: of }, (_, index) => ({ name, plan, run: index + 1, of }));
  });
  const done: Run[] = [];
  let problem: unknown;
  try {
    for (const withDependency of [false, true]) {
      const own = tasks.filter(({ plan }) => (plan.withDependency ?? false) === withDependency);
      await runAll(own, Math.min(shopCount, own.length), withDependency, done);
    }
  } catch (error) {
    problem = error;
    console.error(`not all was run: ${error instanceof Error ? error.message : String(error)}`);
  }
  const summaries = chosen.flatMap((name): readonly Summary[] => {
    const plan = CASES[name];
    return plan === undefined
      ? []
      : summarise(
          name,
          plan,
          done.filter((run) => run.case === name),
        );
  });
  console.log(`\n${tableOf(summaries)}`);
  return problem === undefined && summaries.every(({ ok }) => ok) ? 0 : 1;
}

/** Runs the tasks in so many shops at the same time, each in the next shop that is free. */
async function runAll(tasks: readonly Task[], shopCount: number, withDependency: boolean, done: Run[]): Promise<void> {
  const waiting = [...tasks];
  const benches: ReleaseBench[] = [];
  try {
    for (let shop = 1; shop <= shopCount; shop += 1) {
      const namespace = `slo-${process.pid}-${withDependency ? 'd' : 'p'}${shop}`;
      benches.push(await openReleaseBench({ namespace, port: FIRST_PORT + shop, withDependency }));
    }
    await Promise.race([
      stopped,
      Promise.all(
        benches.map(async (bench) => {
          for (let task = waiting.shift(); task !== undefined && !stop.signal.aborted; task = waiting.shift()) {
            const run = await bench.run(task);
            done.push(run);
            console.log(JSON.stringify(run));
          }
        }),
      ),
    ]);
  } finally {
    await Promise.allSettled(benches.map((bench) => bench.close()));
  }
}
