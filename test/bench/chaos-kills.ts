import { setTimeout as sleep } from 'node:timers/promises';
import { type ControllerProcess, startController } from '../../lab/shop/controller-process.ts';
import type { FaultScene } from '../e2e/support/fault-scene.ts';
import { labParts, logFileOf, type PartName } from '../e2e/support/lab-parts.ts';
import { reaperKubeconfig } from '../e2e/support/stage.ts';
import { eventually } from '../support/eventually.ts';
import { KINDS } from './chaos-kinds.ts';
import { type ChaosWish, GRACE_MS, type Run } from './chaos-report.ts';
import type { ChaosStage } from './chaos-stage.ts';
import { type Watch, watchService } from './chaos-watch.ts';

const FUSE = '20s';
const PER_SECOND = 20;
/** The cluster needs some seconds for objects; what counts is when the last answer was touched. */
const GONE_WITHIN_MS = 60_000;
const WATCH_AFTER_MS = 3 * GRACE_MS;
const REAPER_PORT = 9486;

interface Harm {
  readonly case: 'kills' | 'reaper';
  readonly by: string;
  /** From the moment that every fault was seen, so that a kill falls anywhere between two renewals, in ms. */
  readonly afterMs: number;
  readonly stops: readonly PartName[];
  readonly cutsApi?: boolean;
}

const HARMS: readonly Harm[] = [
  { case: 'kills', by: 'kill -9', afterMs: 0, stops: [] },
  { case: 'kills', by: 'kill -9', afterMs: 4_000, stops: [] },
  { case: 'kills', by: 'kill -9', afterMs: 8_000, stops: [] },
  { case: 'kills', by: 'kill -9, Redis and Prometheus dead', afterMs: 2_000, stops: ['redis', 'prometheus'] },
  { case: 'kills', by: 'API server unreachable from the controller', afterMs: 6_000, stops: [], cutsApi: true },
  {
    case: 'reaper',
    by: 'kill -9, Job controller dead',
    afterMs: 3_000,
    stops: ['kube-controller-manager'],
  },
];

/** All chosen kinds of fault at once, each on a Service of its own, ended by each harm of the cases. */
export async function runKills(
  stage: ChaosStage,
  scene: FaultScene,
  { cases, kinds, onRun }: Pick<ChaosWish, 'cases' | 'kinds'> & { readonly onRun: (run: Run) => void },
): Promise<void> {
  const chosen = Object.entries(KINDS).filter(([name]) => kinds.includes(name));
  for (const [name] of chosen) await scene.addService(name, [scene.first]);
  const watches = new Map(
    chosen.map(([name, kind]) => [name, watchService(scene.web, name, kind, PER_SECOND)] as const),
  );
  try {
    for (const [index, harm] of HARMS.filter((each) => cases.includes(each.case)).entries()) {
      for (const run of await runOne(stage, watches, { ...harm, round: index + 1 })) onRun(run);
    }
  } finally {
    await Promise.all([...watches.values()].map((watch) => watch.stop()));
  }
}

async function runOne(
  stage: ChaosStage,
  watches: ReadonlyMap<string, Watch>,
  harm: Harm & { readonly round: number },
): Promise<readonly Run[]> {
  const lab = labParts();
  const nameOf = (kind: string) => `r${harm.round}-${kind}`;
  await stage.startController();
  const reaper = harm.case === 'reaper' ? await startReaper() : undefined;
  try {
    const createdAt = Date.now();
    for (const kind of watches.keys()) await stage.create(nameOf(kind), kind, { ...KINDS[kind]?.spec, fuse: FUSE });
    for (const [kind, watch] of watches) {
      await stage.until(nameOf(kind), 'injects', ({ phase }) => phase === 'Injecting');
      await eventually(
        `a touched answer of ${kind}`,
        () => watch.firstTouchedSince(createdAt) < Number.POSITIVE_INFINITY,
        {
          withinMs: 30_000,
        },
      );
    }
    await sleep(harm.afterMs);
    for (const part of harm.stops) await lab.stop(part);
    const harmedAt = Date.now();
    if (harm.cutsApi === true) stage.gate.shut();
    else await stage.controller().kill();
    // What was under way when it was cut off may still arrive.
    await sleep(500);
    const deadlines = await stage.deadlines();
    const problems = await waitForNothing(stage, Math.max(...deadlines.values()));
    if (harm.cutsApi === true && !(await isAlive(stage.controller()))) problems.push('the controller ended');
    return [...watches].map(([kind, watch]) => {
      const deadline = deadlines.get(nameOf(kind)) ?? Number.NaN;
      const lastAfterMs = watch.lastTouched() - deadline;
      const wasTouched = watch.lastTouched() >= harmedAt;
      return {
        ...{ case: harm.case, by: harm.by, kind, lastAfterMs, boundMs: GRACE_MS },
        problems: wasTouched ? problems : [...problems, 'was not touched any more when it was harmed'],
      };
    });
  } finally {
    stage.gate.open();
    for (const part of harm.stops) await lab.start(part);
    await reaper?.stop();
    await stage.controller().kill();
    await stage.clear();
    await eventually('nothing left', async () => (await stage.leftovers()).length === 0, { withinMs: GONE_WITHIN_MS });
  }
}

/** Until every object is gone, and long enough after the deadline that a touched answer would have been seen. */
async function waitForNothing(stage: ChaosStage, deadlineMs: number): Promise<string[]> {
  const problems: string[] = [];
  let seen: readonly string[] = [];
  const isGone = async () => {
    await sleep(200);
    seen = await stage.leftovers();
    return seen.length === 0;
  };
  await eventually('no object', isGone, { withinMs: GONE_WITHIN_MS }).catch(() =>
    problems.push(`left: ${seen.join()}`),
  );
  await sleep(Math.max(0, deadlineMs + WATCH_AFTER_MS - Date.now()));
  return problems;
}

async function startReaper(): Promise<ControllerProcess> {
  const env = { KUBECONFIG: await reaperKubeconfig('bench-reaper'), PROMETHEUS_URL: undefined, REDIS_URL: undefined };
  return await startController({ program: 'reaper.ts', logFile: logFileOf('bench-reaper'), port: REAPER_PORT, env });
}

async function isAlive({ address }: ControllerProcess): Promise<boolean> {
  return await fetch(`http://${address}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
}
