import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import { kinds } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/port.ts';
import { formatDuration } from '../lib/duration.ts';
import { isAppError } from '../lib/errors.ts';
import { type FileWords, readExperiment, type WrittenExperiment } from './chaos-file.ts';
import { lookAt } from './chaos-look.ts';
import { type Connect, connectPrometheus, type SourceWords } from './chaos-traffic.ts';
import { EXIT, Failure } from './exit.ts';
import { followKind } from './follow.ts';
import type { Session } from './session.ts';
import { interrupted } from './time-limit.ts';
import { createProgress } from './view/chaos-progress.ts';

export interface RunWords extends FileWords {
  readonly wait: boolean;
  readonly timeoutMs?: number;
  readonly source: SourceWords;
}

export interface RunPorts {
  /** Aborted by the first Ctrl-C; the session's own signal by the second. */
  readonly asksToStop: AbortSignal;
  readonly connect?: Connect;
}

type Experiment = ChaosExperiment & KubeObject;

const WRITER = { fieldManager: 'sluice-cli' } as const;
const LOOK_EVERY_MS = 1_000;

/** `sluice chaos run -f FILE`: checks as `plan` does, creates the experiment, and follows it to its verdict. */
export async function runExperiment(session: Session, words: RunWords, ports: RunPorts): Promise<number> {
  const { object, experiment } = await readExperiment(session, words);
  const { name, namespace } = object.metadata;
  const here = { ...session, namespace };
  await refuseClash(here, name);
  const { admission, problems } = await lookAt(here, experiment, {
    source: words.source,
    connect: ports.connect ?? connectPrometheus,
  });
  if (admission.state === 'denied')
    throw new Failure(`${name} would be denied, so it was not created: ${admission.message}`, EXIT.inconclusive);
  for (const { severity, message } of problems) if (severity === 'warn') session.note(`sluice: warning: ${message}`);
  await create(here, object);
  say(session, { name, namespace, outcome: 'Created' }, `${name}: created in namespace ${namespace}`);
  return words.wait
    ? await followToEnd(here, { name, timeoutMs: words.timeoutMs, asksToStop: ports.asksToStop })
    : EXIT.ok;
}

async function refuseClash({ kube, namespace }: Session, name: string): Promise<void> {
  const found = await kube.get<Experiment>({ kind: kinds.chaosExperiment, namespace, name });
  if (found !== undefined) throw clash(name, found.status);
}

async function create({ kube }: Session, object: WrittenExperiment): Promise<void> {
  try {
    await kube.create<KubeObject>(kinds.chaosExperiment, object, WRITER);
  } catch (error) {
    if (isAppError(error) && error.code === 'ALREADY_EXISTS') throw clash(object.metadata.name, undefined);
    throw error;
  }
}

function clash(name: string, status: ChaosExperiment['status']): Failure {
  const what = status?.verdict ?? status?.phase;
  const state = what === undefined ? '' : ` (${what})`;
  return new Failure(
    `there is a ChaosExperiment "${name}" already${state}, and each is one run: give another --name, use generateName, or delete it: kubectl delete slx ${name}`,
  );
}

interface Following {
  readonly name: string;
  readonly timeoutMs: number | undefined;
  readonly asksToStop: AbortSignal;
}

async function followToEnd(session: Session, following: Following): Promise<number> {
  const { clock } = session;
  const { name, timeoutMs, asksToStop } = following;
  const endsAtMs = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + timeoutMs;
  const progress = createProgress(session, name);
  const feed = await followKind<Experiment>(session, { kind: kinds.chaosExperiment, name });
  let hasStopped = false;
  try {
    for (;;) {
      const [experiment] = feed.objects();
      if (experiment !== undefined) progress.show(experiment);
      const code = endOf(session, following, experiment);
      if (code !== undefined) return code;
      if (asksToStop.aborted && !hasStopped && experiment !== undefined) {
        hasStopped = true;
        await stop(session, experiment);
      }
      if (clock.now() >= endsAtMs) throw tooLate(name, timeoutMs ?? 0, experiment?.status?.message);
      feed.take();
      await feed.next(Math.min(LOOK_EVERY_MS, endsAtMs - clock.now()));
    }
  } finally {
    feed.close();
  }
}

/** The exit code once there is nothing more to wait for. */
function endOf(
  session: Session,
  { name, asksToStop }: Following,
  experiment: Experiment | undefined,
): number | undefined {
  if (session.signal.aborted) return leave(session, name, experiment);
  if (experiment === undefined) throw new Failure(`${name} was deleted, and its fault with it`, EXIT.inconclusive);
  const { phase, verdict } = experiment.status ?? {};
  if (phase !== 'Finished') return undefined;
  return asksToStop.aborted ? interrupted(asksToStop) : exitOf(verdict);
}

async function stop({ kube, namespace, note }: Session, { metadata: { name }, spec }: Experiment): Promise<void> {
  await kube.mergePatch({ kind: kinds.chaosExperiment, namespace, name }, { spec: { stop: true } }, WRITER);
  note(
    `sluice: stops ${name}, and waits until callers are seen untouched; Ctrl-C again leaves it to the controller, and at last to its fuse (${spec.fuse})`,
  );
}

function leave({ note, signal }: Session, name: string, experiment: Experiment | undefined): number {
  const { fuseUntil } = experiment?.status ?? {};
  const fuse = fuseUntil === undefined ? 'no fuse burns' : `the fuse ends the fault at ${fuseUntil} at the latest`;
  note(`sluice: left ${name}, which was asked to stop: ${fuse}; sluice chaos list shows it`);
  return interrupted(signal);
}

function tooLate(name: string, timeoutMs: number, message: string | undefined): Failure {
  const last = message ?? 'no controller has looked at it: is one running?';
  return new Failure(
    `${name}: not finished within ${formatDuration(timeoutMs)}: ${last}; it goes on: sluice chaos stop ${name} ends it`,
    EXIT.timedOut,
  );
}

/** An experiment that has shown nothing is neither good news nor bad. */
function exitOf(verdict: NonNullable<ChaosExperiment['status']>['verdict']): number {
  if (verdict === 'Passed') return EXIT.ok;
  return verdict === 'Failed' ? EXIT.no : EXIT.inconclusive;
}

function say({ isJson, out }: Session, values: object, text: string): void {
  out.write(`${isJson ? JSON.stringify({ ...values, message: text }) : text}\n`);
}
