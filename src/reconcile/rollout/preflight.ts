import type { RolloutSpec } from '../../api/rollout.ts';
import { parseServiceLevelObjective } from '../../api/service-level-objective.ts';
import { kinds } from '../../kube/kinds.ts';
import type { Kube, KubeObject } from '../../kube/port.ts';
import type { Clock } from '../../lib/clock.ts';
import { isAppError } from '../../lib/errors.ts';
import type { Inspector } from '../../metrics/inspector.ts';
import type { Baseline } from '../../plan/baseline.ts';
import { type Inspected, judgePreflight } from '../../plan/preflight.ts';
import { type ObjectiveSubject, type Place, subjectsOf } from '../../plan/subjects.ts';
import type { Log } from '../../telemetry/log.ts';

export type PreflightAnswer =
  | { readonly state: 'pending'; readonly message: string }
  | {
      readonly state: 'passed';
      /** The spec with the content of what its objectives refer to. */
      readonly spec: RolloutSpec;
      /** By name of the objective. */
      readonly baselines: Readonly<Record<string, Baseline>>;
      readonly requestRate: number | null;
      readonly warnings: readonly string[];
    }
  | { readonly state: 'failed'; readonly reason: string; readonly message: string };

export interface PreflightRequest {
  readonly spec: RolloutSpec;
  readonly place: Place;
  /** Stands for the content of the objects that the spec may name: another one asks again at once. */
  readonly named: string;
}

/** Asks the source, before a release begins, whether every objective can be judged. */
export interface Preflight {
  /** What is known now; asks in the background where nothing is, or where it is old. */
  ask(key: string, request: PreflightRequest): PreflightAnswer;
  forget(key: string): void;
  /** Called with the key once its question is answered. */
  onAnswer(listener: (key: string) => void): void;
}

export interface PreflightPorts {
  readonly kube: Pick<Kube, 'get'>;
  readonly inspector: Inspector;
  readonly clock: Clock;
  readonly log: Pick<Log, 'error'>;
}

/** What was found out may change without a change that is watched: it is asked again after this time. */
export const ASK_AGAIN_MS = 15_000;

/** What seldom passes by waiting is asked less and less often, as each question may read an hour of the past: the time doubles up to this. */
const LONGEST_ASK_AGAIN_MS = 120_000;

/** Where nobody's edit is missing. */
const UNAVAILABLE = 'SourceUnavailable';
/** A fault of the controller's own. */
const BROKEN = 'PreflightFailed';
const PENDING = { state: 'pending', message: 'asks whether the objectives can be measured' } as const;

interface Asked {
  readonly question: string;
  readonly answer: PreflightAnswer;
  readonly askedAt: number;
  readonly isOpen: boolean;
  /** Answers in a row that asking again seldom helps against. */
  readonly refusals: number;
}

export function createPreflight(ports: PreflightPorts): Preflight {
  const known = new Map<string, Asked>();
  const listeners: ((key: string) => void)[] = [];
  const answer = async (key: string, asked: Asked, request: PreflightRequest): Promise<void> => {
    const found = await findSafely(ports, key, request);
    // The question may have changed in the meantime: then another answer is on its way.
    if (known.get(key) !== asked) return;
    const isRefused = found.state === 'failed' && found.reason !== UNAVAILABLE;
    known.set(key, { ...asked, answer: found, isOpen: false, refusals: isRefused ? asked.refusals + 1 : 0 });
    for (const listener of listeners) listener(key);
  };
  return {
    ask(key, request) {
      const before = known.get(key);
      const question = questionOf(request);
      const isSame = before?.question === question;
      const now = ports.clock.now();
      if (isSame && (before.isOpen || now < before.askedAt + askAgainMs(before))) return before.answer;
      const kept = isSame ? before : { answer: PENDING, refusals: 0 };
      const asked = { question, answer: kept.answer, refusals: kept.refusals, askedAt: now, isOpen: true };
      known.set(key, asked);
      answer(key, asked, request).catch((error: unknown) =>
        ports.log.error({ rollout: key, err: error }, 'preflight not told'),
      );
      return asked.answer;
    },
    forget(key) {
      known.delete(key);
    },
    onAnswer(listener) {
      listeners.push(listener);
    },
  };
}

/** Another question is asked at once: a change of what is to be judged, or of what is released. */
function questionOf({ spec, place, named }: PreflightRequest): string {
  const { service, strategy, objectives, analysis, resilience } = spec;
  return JSON.stringify([service, strategy, objectives, analysis, resilience, place, named]);
}

/** True for an answer that may become another one without an edit. */
export function mayPass(reason: string): boolean {
  return reason === UNAVAILABLE || reason === BROKEN;
}

function askAgainMs({ refusals }: Asked): number {
  return Math.min(LONGEST_ASK_AGAIN_MS, ASK_AGAIN_MS * 2 ** Math.max(0, refusals - 1));
}

/** Nobody waits for this answer, so nothing may be thrown. */
async function findSafely(ports: PreflightPorts, key: string, request: PreflightRequest): Promise<PreflightAnswer> {
  try {
    return await find(ports, request);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `the objectives cannot be read: ${why}`;
    if (isAppError(error)) return { state: 'failed', reason: UNAVAILABLE, message };
    ports.log.error({ rollout: key, err: error }, 'preflight failed');
    return { state: 'failed', reason: BROKEN, message: `${message}; this is a fault of the controller, see its log` };
  }
}

async function find(ports: PreflightPorts, { spec, place }: PreflightRequest): Promise<PreflightAnswer> {
  const resolved = await resolveObjectives(ports.kube, spec, place.namespace);
  if ('problem' in resolved) return { state: 'failed', ...resolved.problem };
  const subjects = subjectsOf(resolved.spec, place).objectives;
  const inspected = await Promise.all(subjects.map((subject) => inspectOne(ports, subject)));
  const verdict = judgePreflight(resolved.spec, inspected);
  return verdict.ok
    ? { state: 'passed', spec: resolved.spec, ...verdict.known }
    : { state: 'failed', ...verdict.problem };
}

async function inspectOne(
  { inspector, clock }: PreflightPorts,
  { name, subject }: ObjectiveSubject,
): Promise<Inspected> {
  return { name, ...(await inspector.inspect(subject, clock.now())) };
}

type Resolved =
  | { readonly spec: RolloutSpec }
  | { readonly problem: { readonly reason: string; readonly message: string } };

/** The spec with each `objectiveRef` replaced by the content of what it names. */
async function resolveObjectives(kube: Pick<Kube, 'get'>, spec: RolloutSpec, namespace: string): Promise<Resolved> {
  const objectives: RolloutSpec['objectives'] = [];
  for (const [index, objective] of spec.objectives.entries()) {
    const { name, objectiveRef } = objective;
    if (objectiveRef === undefined) {
      objectives.push(objective);
      continue;
    }
    const path = `spec.objectives[${index}].objectiveRef`;
    const ref = { kind: kinds.serviceLevelObjective, namespace, name: objectiveRef.name };
    const found = await kube.get<KubeObject>(ref);
    if (found === undefined) {
      const message = `${path}: there is no ServiceLevelObjective ${objectiveRef.name} in namespace ${namespace}: create it or correct the name`;
      return { problem: { reason: 'ObjectiveUnknown', message } };
    }
    const parsed = parseServiceLevelObjective(found);
    if (!parsed.ok) {
      const what = parsed.problems.map((problem) => `${problem.path} ${problem.message}`).join('; ');
      const message = `${path}: ServiceLevelObjective ${objectiveRef.name}: ${what}`;
      return { problem: { reason: 'ObjectiveInvalid', message } };
    }
    const { requests, prometheus } = parsed.value.spec;
    objectives.push({
      name,
      ...(requests !== undefined && { requests }),
      ...(prometheus !== undefined && { prometheus }),
    });
  }
  return { spec: { ...spec, objectives } };
}
