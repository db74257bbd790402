import type { Rollout, RolloutAction } from '../api/rollout.ts';
import type { JsonPatchOperation } from '../kube/port.ts';
import { isAppError } from '../lib/errors.ts';
import { EXIT, Failure } from './exit.ts';
import { findRollout, refOf } from './find.ts';
import { follow } from './follow.ts';
import { type ActionType, decide, effectOf } from './request.ts';
import type { Session } from './session.ts';
import { interrupted, timedOut } from './time-limit.ts';

export interface ActOptions {
  /** The revision that is meant. Default: that of the release in progress. */
  readonly revision?: string | undefined;
  /** Wait until status shows the effect. */
  readonly wait?: boolean | undefined;
  /** How long to wait for the effect, in ms. */
  readonly timeoutMs: number;
}

/** As often as a release may begin or end between the read and the write of one request. */
const MOST_TRIES = 5;

/** `sluice pause|resume|promote|abort NAME`: asks the controller for it, for one revision only. */
export async function act(session: Session, type: ActionType, name: string, options: ActOptions): Promise<number> {
  let wanted = options.revision;
  for (let tries = 1; tries <= MOST_TRIES; tries++) {
    const rollout = await findRollout(session, name);
    const decision = decide(rollout, type, { wanted, nowMs: session.clock.now() });
    if (decision.kind === 'refuse') throw new Failure(decision.text, EXIT.no);
    if (decision.kind === 'already') {
      report(session, rollout, { type, outcome: 'Already', message: decision.text });
      const { action } = rollout.spec;
      const isUnderWay = action?.type === type && action.revision === rollout.status?.canary?.revision;
      return options.wait === true && isUnderWay ? await awaitEffect(session, name, action, options) : EXIT.ok;
    }
    // From here on only this revision is meant, whatever is released in the meantime.
    wanted = decision.revision;
    const action = { type, revision: wanted, id: new Date(session.clock.now()).toISOString() };
    if (await isWritten(session, rollout, action)) {
      const message = `${name}: ${type.toLowerCase()} of ${wanted} requested`;
      report(session, rollout, { type, revision: wanted, outcome: 'Requested', message });
      return options.wait === true ? await awaitEffect(session, name, action, options) : EXIT.ok;
    }
  }
  throw new Failure(`${name}: the release changed each time while it was asked for; nothing was changed, try again`);
}

/** Writes the request if the release read is still the one in progress; false when it is not. */
async function isWritten(session: Session, { metadata }: Rollout, action: RolloutAction): Promise<boolean> {
  // Testing what is meant instead of resourceVersion: status changes with each scrape, the release does not.
  const patch: readonly JsonPatchOperation[] = [
    { op: 'test', path: '/metadata/uid', value: metadata.uid },
    { op: 'test', path: '/status/canary/revision', value: action.revision },
    { op: 'add', path: '/spec/action', value: action },
  ];
  try {
    await session.kube.jsonPatch(refOf(session, metadata.name), patch, { fieldManager: 'sluice-cli' });
    return true;
  } catch (error) {
    if (isAppError(error) && error.code === 'PATCH_TEST_FAILED') return false;
    throw error;
  }
}

async function awaitEffect(
  session: Session,
  name: string,
  action: RolloutAction,
  { timeoutMs }: ActOptions,
): Promise<number> {
  const { clock } = session;
  const endsAtMs = clock.now() + timeoutMs;
  const feed = await follow(session, { name });
  try {
    for (;;) {
      const [rollout] = feed.objects();
      if (session.signal.aborted) return interrupted(session.signal);
      if (rollout === undefined) throw new Failure(`${name} was deleted meanwhile`, EXIT.no);
      const effect = effectOf(rollout, action);
      if (effect.kind === 'missed') throw new Failure(effect.text, EXIT.no);
      if (effect.kind === 'done') {
        report(session, rollout, { ...action, outcome: 'Done', message: effect.text });
        return EXIT.ok;
      }
      const leftMs = endsAtMs - clock.now();
      if (leftMs <= 0) throw timedOut(rollout, timeoutMs, feed.trouble());
      feed.take();
      await feed.next(leftMs);
    }
  } finally {
    feed.close();
  }
}

interface Report {
  readonly type: ActionType;
  readonly revision?: string;
  readonly outcome: 'Requested' | 'Already' | 'Done';
  readonly message: string;
}

function report({ isJson, out }: Session, { metadata }: Rollout, { type, revision, outcome, message }: Report): void {
  const { name, namespace } = metadata;
  const line = isJson ? JSON.stringify({ name, namespace, type, revision, outcome, message }) : message;
  out.write(`${line}\n`);
}
