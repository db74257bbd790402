/** The part of `chaos.ts` that runs inside the lab. */
import { createKube } from '../../src/kube/client.ts';
import { type FaultScene, openFaultScene } from '../e2e/support/fault-scene.ts';
import { runKills } from './chaos-kills.ts';
import { runBreaches, runHalt, runRenewal } from './chaos-others.ts';
import { type ChaosCase, isGood, type Run, tableOf } from './chaos-report.ts';
import { type ChaosStage, openChaosStage } from './chaos-stage.ts';

const PORT = 9484;
const BREACH_PORT = 9485;
const [names = '', minutes = ''] = process.argv.slice(2);
const chosen = names.split(',') as readonly ChaosCase[];
const runs: Run[] = [];
const onRun = (run: Run) => {
  runs.push(run);
  console.log(JSON.stringify(run));
};

const problem = await main().then(
  () => undefined,
  (error: unknown) => error ?? new Error('failed'),
);
if (problem !== undefined) console.error('not all was run:', problem);
console.log(`\n${tableOf(runs)}`);
const isComplete = chosen.every((name) => runs.some((run) => run.case === name));
process.stdout.write('', () => process.exit(problem === undefined && isComplete && runs.every(isGood) ? 0 : 1));

async function main(): Promise<void> {
  if (chosen.some((name) => name !== 'breach')) await withScene(runOnScene);
  if (chosen.includes('breach')) {
    await withStage({ namespace: 'bench-breach', port: BREACH_PORT, withRedis: false }, (stage) =>
      runBreaches(stage, onRun),
    );
  }
}

async function runOnScene(stage: ChaosStage, scene: FaultScene): Promise<void> {
  if (chosen.includes('kills') || chosen.includes('reaper')) await runKills(stage, scene, { cases: chosen, onRun });
  if (chosen.includes('halt')) for (const run of await runHalt(stage, scene)) onRun(run);
  if (chosen.includes('renewal')) onRun(await runRenewal(stage, scene, Number(minutes)));
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

async function withStage(
  options: Parameters<typeof openChaosStage>[0],
  work: (stage: ChaosStage) => Promise<void>,
): Promise<void> {
  const stage = await openChaosStage(options);
  try {
    await work(stage);
  } finally {
    await stage.close();
  }
}
