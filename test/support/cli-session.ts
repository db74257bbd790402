import type { Rollout } from '../../src/api/rollout.ts';
import type { Session } from '../../src/cli/session.ts';
import { plain } from '../../src/cli/view/paint.ts';
import { kinds } from '../../src/kube/kinds.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createFakeKube, type FakeKube } from './fake-kube.ts';

/** A session over an API server in memory, with what it has written. */
export interface TestSession extends Session {
  readonly kube: FakeKube;
  /** All that was written to standard output so far. */
  readonly written: () => string;
  readonly notes: readonly string[];
  /** Acts as SIGINT would. */
  readonly interrupt: () => void;
}

/** A session in the namespace `shop`; `changes` replaces parts of it. */
export function createTestSession(changes: Partial<Session> & { readonly kube?: FakeKube } = {}): TestSession {
  const stop = new AbortController();
  const notes: string[] = [];
  let text = '';
  return {
    kube: createFakeKube(),
    clock: systemClock,
    namespace: 'shop',
    isJson: false,
    out: {
      write: (more) => {
        text += more;
      },
      isTerminal: false,
      size: () => ({ columns: 100, rows: 30 }),
    },
    note: (line) => notes.push(line),
    paint: plain,
    signal: stop.signal,
    ...changes,
    written: () => text,
    notes,
    interrupt: () => stop.abort('SIGINT'),
  };
}

/** Puts the Rollout with its status on the fake API server, as user and controller would. */
export async function store({ kube }: TestSession, rollout: Rollout): Promise<void> {
  const { status, ...rest } = rollout;
  await kube.apply(kinds.rollout, rest, { fieldManager: 'user', force: true });
  if (status !== undefined) await setStatus({ kube }, rollout, status);
}

/** Replaces the status of a stored Rollout, as the controller would. */
export async function setStatus(
  { kube }: Pick<TestSession, 'kube'>,
  { metadata }: Rollout,
  status: NonNullable<Rollout['status']>,
): Promise<void> {
  const ref = { kind: kinds.rollout, namespace: metadata.namespace ?? '', name: metadata.name };
  const before = await kube.get<Rollout>(ref);
  const operation = before?.status === undefined ? 'add' : 'replace';
  await kube.jsonPatch(ref, [{ op: operation, path: '/status', value: status }], {
    fieldManager: 'sluice',
    subresource: 'status',
  });
}
