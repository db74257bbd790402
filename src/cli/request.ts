import type { Rollout, RolloutAction } from '../api/rollout.ts';
import { age } from './view/words.ts';

export type ActionType = RolloutAction['type'];

/** What is to be done about an operator's request. */
export type Decision =
  /** Write it for this revision. */
  | { readonly kind: 'write'; readonly revision: string }
  /** Nothing to do: it is so already. */
  | { readonly kind: 'already'; readonly text: string }
  /** It cannot have an effect. */
  | { readonly kind: 'refuse'; readonly text: string };

/** Decides from the Rollout as read just before. `wanted` is the revision that the operator named, if any. */
export function decide(
  rollout: Rollout,
  type: ActionType,
  options: { readonly wanted?: string | undefined; readonly nowMs: number },
): Decision {
  const { wanted } = options;
  const canary = rollout.status?.canary?.revision;
  if (canary === undefined || (wanted !== undefined && wanted !== canary)) {
    return withoutRelease(rollout, type, { ...options, canary });
  }
  const phase = rollout.status?.phase;
  const name = rollout.metadata.name;
  if (phase === 'RollingBack' || phase === 'TakenOver') {
    const text = `${name}: ${canary} is on its way back already: ${rollout.status?.message ?? ''}`;
    return type === 'Abort' ? { kind: 'already', text } : { kind: 'refuse', text };
  }
  if (phase === 'Promoting') {
    const text = `${name}: ${canary} is being promoted already: ${rollout.status?.message ?? ''}`;
    return type === 'Promote' || type === 'Resume' ? { kind: 'already', text } : { kind: 'refuse', text };
  }
  return underWay(rollout, type, canary);
}

function underWay({ metadata, spec, status }: Rollout, type: ActionType, revision: string): Decision {
  const asked = spec.action?.revision === revision ? spec.action.type : undefined;
  const isHeld = status?.waiting?.reason === 'RouteChanged' || isStalledByRoute(status);
  // A new request to resume is the consent to write a route that somebody else has changed.
  if (type === 'Resume' && !isHeld && asked !== 'Pause') {
    return { kind: 'already', text: `${metadata.name}: ${revision} is not paused` };
  }
  if (type !== 'Resume' && asked === type) {
    return { kind: 'already', text: `${metadata.name}: ${verbOf(type)} of ${revision} was asked for already` };
  }
  return { kind: 'write', revision };
}

function isStalledByRoute(status: Rollout['status']): boolean {
  return status?.conditions?.some(({ reason, status: is }) => reason === 'RouteChanged' && is === 'True') === true;
}

interface Absent {
  readonly wanted?: string | undefined;
  readonly canary: string | undefined;
  readonly nowMs: number;
}

/** There is no release in progress, or another one than was meant. */
function withoutRelease(rollout: Rollout, type: ActionType, { wanted, canary, nowMs }: Absent): Decision {
  const { name } = rollout.metadata;
  const ended = rollout.status?.history?.findLast(({ revision }) => wanted === undefined || revision === wanted);
  const what =
    ended === undefined
      ? ''
      : `; ${ended.revision} was ${OUTCOME_WORDS[ended.outcome]} ${age(ended.finishedAt, nowMs)} ago: ${ended.message ?? ''}`;
  const { action } = rollout.spec;
  const isRepeat = action?.type === type && ended !== undefined && action.revision === ended.revision;
  if (isRepeat && ended.outcome === FULFILLED[type]) {
    return { kind: 'already', text: `${name}: ${verbOf(type)} of ${ended.revision} was done already${what}` };
  }
  if (canary !== undefined) {
    return {
      kind: 'refuse',
      text: `${name}: the release in progress is ${canary}, not ${wanted}${what}; nothing was changed`,
    };
  }
  return { kind: 'refuse', text: `${name} has no release in progress${what}; nothing was changed` };
}

const FULFILLED: Readonly<Partial<Record<ActionType, string>>> = { Abort: 'Aborted', Promote: 'Promoted' };

const OUTCOME_WORDS: Readonly<Record<string, string>> = {
  Promoted: 'promoted',
  RolledBack: 'rolled back',
  Aborted: 'aborted',
  Superseded: 'superseded',
  Reverted: 'reverted',
  TakenOver: 'taken over',
  Deleted: 'given up',
};

const verbOf = (type: ActionType): string => type.toLowerCase();

/** What has come of a request that was written. */
export type Effect =
  | { readonly kind: 'pending' }
  | { readonly kind: 'done'; readonly text: string }
  | { readonly kind: 'missed'; readonly text: string };

/** Whether status shows the effect of the request yet. */
export function effectOf(rollout: Rollout, action: RolloutAction): Effect {
  const { status = {}, metadata } = rollout;
  const { lastAction, phase, canary } = status;
  if (lastAction?.id !== action.id) return { kind: 'pending' };
  if (lastAction?.outcome === 'Ignored') return missed(metadata.name, lastAction.message ?? 'ignored');
  if (canary?.revision !== action.revision) return effectOnEnded(rollout, action);
  if (phase === 'RollingBack' || phase === 'TakenOver') return effectOnWayBack(rollout, action);
  const message = status.message ?? '';
  if (action.type === 'Pause' && phase === 'Paused') return done(metadata.name, `is paused: ${message}`);
  if (action.type === 'Resume' && phase !== 'Paused') return done(metadata.name, `goes on: ${message}`);
  return { kind: 'pending' };
}

function effectOnEnded({ metadata, status }: Rollout, { type, revision }: RolloutAction): Effect {
  const ended = status?.history?.findLast((release) => release.revision === revision);
  if (ended === undefined) return { kind: 'pending' };
  const text = `${revision} was ${OUTCOME_WORDS[ended.outcome]}: ${ended.message ?? ''}`;
  const isMeant = type === 'Abort' ? ended.outcome !== 'Promoted' : ended.outcome === 'Promoted';
  return isMeant ? done(metadata.name, text) : missed(metadata.name, text);
}

function effectOnWayBack({ metadata, status }: Rollout, { type, revision }: RolloutAction): Effect {
  if (type !== 'Abort') return missed(metadata.name, status?.message ?? '');
  const isBack = status?.weight?.applied === 0;
  return isBack ? done(metadata.name, `no request goes to ${revision} any more`) : { kind: 'pending' };
}

const done = (name: string, text: string): Effect => ({ kind: 'done', text: `${name}: ${text}` });
const missed = (name: string, text: string): Effect => ({ kind: 'missed', text: `${name}: ${text}` });
