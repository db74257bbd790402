/** The part of `chaos.ts` that runs inside the lab. */
import { createKube } from '../../src/kube/client.ts';
import { type FaultScene, openFaultScene } from '../e2e/support/fault-scene.ts';
import { runKills } from './chaos-kills.ts';
import { runBreach, runHalt, runRenewal } from './chaos-others.ts';
import { type ChaosWish, isGood, type Run, tableOf } from './chaos-report.ts';
import { type ChaosStage, type ChaosStageOptions, openChaosStage } from './chaos-stage.ts';
import { runInterleavings } from './interleavings.ts';
import { type Interleaving, interleavingsTable, isUnbroken } from './interleavings-report.ts';

const PORT = 9484;
const BREACH_PORT = 9485;
const BREACHES = 5;
const wish = JSON.parse(process.argv[2] ?? '') as ChaosWish;
const { cases: chosen } = wish;
const isChosen = chosen.includes('interleavings');
const runs: Run[] = [];
const interleavings: Interleaving[] = [];
const onRun = (run: Run) => {
  runs.push(run);
  console.log(JSON.stringify(run));
};
const onInterleaving = (run: Interleaving) => {
  interleavings.push(run);
  console.log(JSON.stringify(run));
};

const problem = await main().then(
  () => undefined,
  (error: unknown) => error ?? new Error('failed'),
);
if (problem !== undefined) console.error('not all was run:', problem);
const tables = [tableOf(runs), isChosen ? interleavingsTable(interleavings, wish.runs) : ''];
console.log(`\n${tables.filter((table) => table !== '').join('\n')}`);
const isComplete =
  chosen.every((name) => name === 'interleavings' || runs.some((run) => run.case === name)) &&
  interleavings.length === (isChosen ? wish.runs : 0);
const isAllGood = runs.every(isGood) && interleavings.every(isUnbroken);
process.stdout.write('', () => process.exit(problem === undefined && isComplete && isAllGood ? 0 : 1));

async function main(): Promise<void> {
  if (chosen.some((name) => name !== 'breach' && name !== 'interleavings')) await withScene(runOnScene);
  if (isChosen) await runInterleavings({ ...wish, onRun: onInterleaving });
  if (!chosen.includes('breach')) return;
  for (let run = 1; run <= BREACHES; run += 1) {
    // A shop of its own for each: a breach spends the error budget, and the next experiment on it would be denied.
    const options = { namespace: `bench-breach-${run}`, port: BREACH_PORT, withRedis: false };
    onRun(await withStage(options, runBreach));
  }
}

async function runOnScene(stage: ChaosStage, scene: FaultScene): Promise<void> {
  if (chosen.includes('kills') || chosen.includes('reaper')) await runKills(stage, scene, { ...wish, onRun });
  if (chosen.includes('halt')) for (const run of await runHalt(stage, scene)) onRun(run);
  if (chosen.includes('renewal')) onRun(await runRenewal(stage, scene, wish.minutes));
}

async function withScene(work: (stage: ChaosStage, scene: FaultScene) => Promise<void>): Promise<void> {
  const namespace = 'bench-chaos';
  const scene = await openFaultScene(createKube(), namespace);
  try {
    await withStage({ namespace, port: PORT, withRedis: true }, (stage) => work(stage, scene));
  } finally {
    await scene.close();
  }
}

async function withStage<T>(options: ChaosStageOptions, work: (stage: ChaosStage) => Promise<T>): Promise<T> {
  const stage = await openChaosStage(options);
  try {
    return await work(stage);
  } finally {
    await stage.close();
  }
}
