import { describe, expect, it } from 'vitest';
import { createTestSession, setStatus, store, type TestSession } from '../../test/support/cli-session.ts';
import { eventually } from '../../test/support/eventually.ts';
import { createFakeKube } from '../../test/support/fake-kube.ts';
import { AT_REST, RELEASING, sampleRollout } from '../../test/support/sample-rollout.ts';
import { SteppedClock } from '../../test/support/stepped-clock.ts';
import type { Rollout } from '../api/rollout.ts';
import { kinds } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/port.ts';
import { AppError } from '../lib/errors.ts';
import { type ActOptions, act } from './act.ts';
import { errorLine } from './error-line.ts';
import type { Failure } from './exit.ts';
import { get } from './get.ts';
import { watch } from './watch.ts';

const canary = '7f9c8b5d4f';
type Status = NonNullable<Rollout['status']>;

const ref = { kind: kinds.rollout, namespace: 'shop', name: 'checkout' };
const failure = async (promise: Promise<number>): Promise<Pick<Failure, 'message' | 'exitCode'>> => {
  const error = await promise.then(
    (code) => {
      throw new Error(`it ended with code ${code}`);
    },
    (reason: unknown) => reason,
  );
  const { line, exitCode } = errorLine(error);
  return { message: line, exitCode };
};

async function releasing(changes: Parameters<typeof createTestSession>[0] = {}): Promise<TestSession> {
  const session = createTestSession(changes);
  await store(session, sampleRollout(RELEASING));
  return session;
}

const says = (session: TestSession, changes: Partial<Status>) =>
  setStatus(session, sampleRollout(), { ...RELEASING, ...changes });
const ends = (session: TestSession, outcome: 'Promoted' | 'RolledBack' | 'Aborted', changes: Partial<Status> = {}) => {
  const entry = { revision: canary, outcome, message: 'because', startedAt: '2026-01-02T03:03:00Z' };
  const history = [{ ...entry, finishedAt: '2026-01-02T03:04:00Z' }];
  return setStatus(session, sampleRollout(), { ...AT_REST, ...changes, history });
};
const lines = (session: TestSession) => session.written().trimEnd().split('\n');

describe('sluice get', () => {
  it('shows the Rollouts of the namespace', async () => {
    const session = await releasing();
    expect(await get(session, undefined, {})).toBe(0);
    expect(lines(session).map((line) => line.split(/ +/)[0])).toEqual(['NAME', 'checkout']);
  });

  it('shows all namespaces when asked', async () => {
    const session = await releasing({ namespace: 'other' });
    await get(session, undefined, { allNamespaces: true });
    expect(lines(session)[1]).toMatch(/^shop +checkout /);
  });

  it('shows one in detail', async () => {
    const session = await releasing();
    await get(session, 'checkout', {});
    expect(lines(session)[0]).toBe('checkout in namespace shop: Progressing');
  });

  it.each([undefined, 'checkout'])('gives a list of whole objects as JSON (name %s)', async (name) => {
    const session = await releasing({ isJson: true });
    await get(session, name, {});
    const [object, ...others] = JSON.parse(session.written()) as Rollout[];
    expect(others).toEqual([]);
    expect(object).toMatchObject({ apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', status: RELEASING });
    expect(object?.metadata).not.toHaveProperty('managedFields');
  });

  it('says where to look when there is nothing', async () => {
    const session = createTestSession();
    expect(await get(session, undefined, {})).toBe(0);
    expect([session.written(), session.notes]).toEqual([
      '',
      ['there is no Rollout in namespace "shop"; all: sluice get -A'],
    ]);
  });

  it('gives an empty list as JSON when there is nothing', async () => {
    const session = createTestSession({ isJson: true });
    await get(session, undefined, {});
    expect(JSON.parse(session.written())).toEqual([]);
  });

  it('names what may have been meant', async () => {
    expect(await failure(get(await releasing(), 'chekout', {}))).toEqual({
      message: 'there is no Rollout "chekout" in namespace "shop"; did you mean checkout?',
      exitCode: 4,
    });
  });

  it('names what there is when nothing is near', async () => {
    expect((await failure(get(await releasing(), 'frontdoor', {}))).message).toBe(
      'there is no Rollout "frontdoor" in namespace "shop"; it has: checkout',
    );
  });
});

describe('an error of the API server', () => {
  it.each([
    ['KIND_NOT_SERVED', 'kubectl apply -f crds/'],
    ['API_UNREACHABLE', 'check the server in the kubeconfig'],
    ['UNAUTHORIZED', 'log in again'],
  ])('of code %s comes with its cure on one line, and code 4', async (code, cure) => {
    const kube = createFakeKube({
      intercept: () => {
        throw new AppError('TransientError', code, 'it\nfailed');
      },
    });
    const { message, exitCode } = await failure(get(createTestSession({ kube }), undefined, {}));
    expect(message).toMatch(/^it; failed; /);
    expect(message).toContain(cure);
    expect(exitCode).toBe(4);
  });

  it('that is a bug asks for a report', () => {
    expect(errorLine(new TypeError('x is not a function')).line).toMatch(/^this is a bug, please report it: TypeError/);
  });
});

describe('sluice pause, resume, promote and abort', () => {
  const once: ActOptions = { timeoutMs: 60_000 };
  const actionOf = async ({ kube }: TestSession) => (await kube.get<Rollout>(ref))?.spec.action;

  it('write the request for the canary, as sluice-cli, and say for which', async () => {
    const session = await releasing();
    expect(await act(session, 'Pause', 'checkout', once)).toBe(0);
    expect(await actionOf(session)).toEqual({ type: 'Pause', revision: canary, id: expect.any(String) });
    expect(session.written()).toBe(`checkout: pause of ${canary} requested\n`);
    const managers = (await session.kube.get(ref))?.metadata.managedFields as readonly { manager: string }[];
    expect(managers.map(({ manager }) => manager)).toContain('sluice-cli');
  });

  it('change nothing the second time and say so', async () => {
    const session = await releasing();
    await act(session, 'Pause', 'checkout', once);
    const first = await actionOf(session);
    expect(await act(session, 'Pause', 'checkout', once)).toBe(0);
    expect(await actionOf(session)).toEqual(first);
    expect(lines(session)[1]).toBe(`checkout: pause of ${canary} was asked for already`);
  });

  it('give one JSON object', async () => {
    const session = await releasing({ isJson: true });
    await act(session, 'Abort', 'checkout', once);
    expect(JSON.parse(session.written())).toEqual({
      ...{ name: 'checkout', namespace: 'shop', type: 'Abort', revision: canary, outcome: 'Requested' },
      message: `checkout: abort of ${canary} requested`,
    });
  });

  it('are refused with code 1 without a release', async () => {
    const session = createTestSession();
    await store(session, sampleRollout(AT_REST));
    const { message, exitCode } = await failure(act(session, 'Abort', 'checkout', once));
    expect(message).toContain('checkout has no release in progress; 7f9c8b5d4f was rolled back');
    expect(exitCode).toBe(1);
    expect(await actionOf(session)).toBeUndefined();
  });

  it('do not hit a release that took the place of the one that was read', async () => {
    let isDue = true;
    const kube = createFakeKube({
      intercept: async ({ verb }) => {
        if (verb !== 'jsonPatch' || !isDue) return;
        isDue = false;
        await says(session, { canary: { revision: 'bbbbbbbbbb' } });
      },
    });
    const session = createTestSession({ kube });
    isDue = false;
    await store(session, sampleRollout(RELEASING));
    isDue = true;
    const { message, exitCode } = await failure(act(session, 'Promote', 'checkout', once));
    expect(message).toBe(`checkout: the release in progress is bbbbbbbbbb, not ${canary}; nothing was changed`);
    expect(exitCode).toBe(1);
    expect(await actionOf(session)).toBeUndefined();
  });

  it('are written although status has changed since the read', async () => {
    let isDue = false;
    const kube = createFakeKube({
      intercept: async ({ verb }) => {
        if (verb !== 'jsonPatch' || !isDue) return;
        isDue = false;
        await says(session, { failedRequests: 3 });
      },
    });
    const session = createTestSession({ kube });
    await store(session, sampleRollout(RELEASING));
    isDue = true;
    expect(await act(session, 'Promote', 'checkout', once)).toBe(0);
    expect(isDue).toBe(false);
  });

  it('with --wait end when status shows the effect', async () => {
    const session = await releasing();
    const waiting = act(session, 'Pause', 'checkout', { ...once, wait: true });
    const action = await eventually('the request', () => actionOf(session));
    await says(session, {
      phase: 'Paused',
      message: 'paused by an operator',
      lastAction: { ...action, outcome: 'Accepted' },
    });
    expect(await waiting).toBe(0);
    expect(lines(session)[1]).toBe('checkout: is paused: paused by an operator');
  });

  it('with --wait fail with code 1 when the release ends otherwise', async () => {
    const session = await releasing();
    const waiting = failure(act(session, 'Promote', 'checkout', { ...once, wait: true }));
    const action = await eventually('the request', () => actionOf(session));
    await ends(session, 'RolledBack', { lastAction: { ...action, outcome: 'Accepted' } });
    expect(await waiting).toEqual({ message: `checkout: ${canary} was rolled back: because`, exitCode: 1 });
  });

  it('with --wait end with code 3 when time is over', async () => {
    const clock = new SteppedClock(Date.UTC(2026, 0, 1));
    const session = await releasing({ clock });
    const waiting = failure(act(session, 'Pause', 'checkout', { timeoutMs: 5_000, wait: true }));
    await eventually('the request', () => actionOf(session));
    await eventually('the end of the wait', async () => {
      await clock.advance(1_000);
      return clock.now() > Date.UTC(2026, 0, 1) + 6_000;
    });
    expect(await waiting).toEqual({
      message: 'checkout: not within 5s; Progressing: watches the canary at 5 %; 31 of 50 requests seen',
      exitCode: 3,
    });
  });

  it('with --wait end with the code of the signal', async () => {
    const session = await releasing();
    const waiting = act(session, 'Pause', 'checkout', { ...once, wait: true });
    await eventually('the request', () => actionOf(session));
    session.interrupt();
    expect(await waiting).toBe(130);
  });
});

describe('sluice watch', () => {
  const seen = (session: TestSession, text: string) =>
    eventually(`"${text}" in the output`, () => session.written().includes(text), { lastSeen: session.written });

  it('adds a line when something has changed, and only then', async () => {
    const session = await releasing();
    const watching = watch(session, 'checkout', {});
    await seen(session, 'weight 5 %');
    await says(session, { message: 'watches the canary at 5 %; 40 of 50 requests seen' });
    await says(session, { weight: { desired: 25, applied: 25 } });
    await seen(session, 'weight 25 %');
    session.interrupt();
    expect(await watching).toBe(0);
    expect(lines(session)).toHaveLength(2);
  });

  it('writes each change as a line of JSON', async () => {
    const session = await releasing({ isJson: true });
    const watching = watch(session, undefined, {});
    await seen(session, 'ADDED');
    await says(session, { failedRequests: 2 });
    await seen(session, 'MODIFIED');
    await session.kube.delete(ref);
    await seen(session, 'DELETED');
    session.interrupt();
    expect(await watching).toBe(0);
    const events = lines(session).map((line) => JSON.parse(line) as { type: string; object: Rollout });
    expect(events.map(({ type, object }) => [type, object.metadata.name])).toEqual([
      ['ADDED', 'checkout'],
      ['MODIFIED', 'checkout'],
      ['DELETED', 'checkout'],
    ]);
  });

  it('draws over itself on a terminal and gives the cursor back', async () => {
    let text = '';
    const out = {
      write: (more: string) => {
        text += more;
      },
      isTerminal: true,
      size: () => ({ columns: 100, rows: 30 }),
    };
    const session = await releasing({ out });
    const watching = watch(session, 'checkout', {});
    await eventually('the first picture', () => text.includes('step 1 of 3'));
    await says(session, { step: { index: 2, count: 3, weight: 25 } });
    await eventually('the second picture', () => text.includes('step 2 of 3'));
    session.interrupt();
    await watching;
    const [before, ...pictures] = text.split('\u001b[J');
    expect(before).toBe('\u001b[?25l\r');
    const drawnLines = (pictures[0]?.match(/\n/g) ?? []).length;
    expect(pictures[0]?.endsWith(`\u001b[${drawnLines}F`)).toBe(true);
    expect(text.endsWith('\u001b[?25h')).toBe(true);
  });

  it('goes on when the API server ends its watches', async () => {
    const session = await releasing();
    const watching = watch(session, 'checkout', { goal: 'done' });
    await seen(session, 'weight 5 %');
    session.kube.closeWatches();
    session.kube.compact();
    await ends(session, 'Promoted');
    expect(await watching).toBe(0);
  });

  it.each([
    ['Promoted', 0],
    ['RolledBack', 1],
    ['Aborted', 1],
  ] as const)('until done ends with a release that ended as %s, with code %d', async (outcome, code) => {
    const session = await releasing();
    const watching = watch(session, 'checkout', { goal: 'done' });
    await seen(session, 'weight 5 %');
    await ends(session, outcome);
    expect(await watching).toBe(code);
    expect(session.notes).toEqual([`checkout: ${canary} ended as ${outcome}: because`]);
  });

  it('until done ends with code 1 when the Rollout is deleted', async () => {
    const session = await releasing();
    const watching = watch(session, 'checkout', { goal: 'done' });
    await seen(session, 'weight 5 %');
    await session.kube.delete(ref);
    expect(await watching).toBe(1);
    expect(session.notes).toEqual(['checkout was deleted']);
  });

  it('until done ends with code 3 when time is over', async () => {
    const clock = new SteppedClock(Date.UTC(2026, 0, 1));
    const session = await releasing({ clock });
    const watching = failure(watch(session, 'checkout', { goal: 'done', timeoutMs: 5_000 }));
    await seen(session, 'weight 5 %');
    await clock.advance(6_000);
    expect((await watching).exitCode).toBe(3);
  });

  it('until done ends with the code of the signal', async () => {
    const session = await releasing();
    const watching = watch(session, 'checkout', { goal: 'done' });
    await seen(session, 'weight 5 %');
    session.interrupt();
    expect(await watching).toBe(130);
  });

  it('fails at once when it may not watch', async () => {
    const kube = createFakeKube({
      intercept: ({ verb }) => {
        if (verb === 'watch') throw new AppError('ConfigError', 'FORBIDDEN', 'grant "watch" on "rollouts.sluice.dev"');
      },
    });
    expect(await failure(watch(await releasing({ kube }), 'checkout', {}))).toEqual({
      message: 'grant "watch" on "rollouts.sluice.dev"',
      exitCode: 4,
    });
  });

  it('fails at once when there is no API server', async () => {
    const kube = createFakeKube({
      intercept: () => {
        throw new AppError('TransientError', 'API_UNREACHABLE', 'the API server cannot be reached');
      },
    });
    const { message, exitCode } = await failure(watch(createTestSession({ kube }), undefined, {}));
    expect(message).toMatch(/^the API server cannot be reached; check/);
    expect(exitCode).toBe(4);
  });

  it('waits for the release of a template that no controller has noticed yet', async () => {
    const session = createTestSession();
    await store(session, sampleRollout({ ...AT_REST, history: [] }));
    await session.kube.create(kinds.deployment, deploymentOf('new'), { fieldManager: 'user' });
    const watching = watch(session, 'checkout', { goal: 'done' });
    await seen(session, 'checkout: Idle');
    await says(session, {});
    await seen(session, 'weight 5 %');
    await ends(session, 'Promoted');
    expect(await watching).toBe(0);
  });

  it('ends at once when the template is that of the stable version', async () => {
    const session = createTestSession();
    await store(session, sampleRollout(AT_REST));
    const deployment: KubeObject & { readonly spec: object } = await session.kube.create(
      kinds.deployment,
      deploymentOf('v1'),
      { fieldManager: 'user' },
    );
    const { apiVersion, kind, metadata, spec } = deployment;
    const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true };
    const labels = { 'pod-template-hash': '6d4b75cb6d' };
    const replicaSet = {
      ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', spec },
      metadata: { name: 'checkout-6d4b75cb6d', namespace: 'shop', labels, ownerReferences: [owner] },
    };
    await session.kube.create(kinds.replicaSet, replicaSet, { fieldManager: 'kube-controller-manager' });
    expect(await watch(session, 'checkout', { goal: 'done' })).toBe(0);
    expect(session.notes).toEqual(['checkout: 6d4b75cb6d is stable, nothing is left to be released']);
  });
});

const deploymentOf = (version: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'checkout', namespace: 'shop' },
  spec: {
    selector: { matchLabels: { app: 'checkout' } },
    template: { metadata: { labels: { app: 'checkout' } }, spec: { containers: [{ name: 'c', image: version }] } },
  },
});
