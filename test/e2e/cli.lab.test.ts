import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RELEASED } from '../../lab/shop/manifests.ts';
import type { Rollout } from '../../src/api/rollout.ts';
import { kinds } from '../../src/kube/kinds.ts';
import { eventually } from '../support/eventually.ts';
import { openScene, type Scene } from './support/scene.ts';

const NAMESPACE = 'e2e-cli';
const SLUICE = fileURLToPath(new URL('../../bin/sluice', import.meta.url));

interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the real command as its user would: another process, with nothing but the kubeconfig. */
function sluice(...words: readonly string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    execFile(SLUICE, [...words, '-n', NAMESPACE], { timeout: 280_000 }, (error, out, err) => {
      if (error === null) resolve({ code: 0, out, err });
      else if (typeof error.code === 'number') resolve({ code: error.code, out, err });
      else reject(error);
    });
  });
}

const isLive = ({ status }: Rollout): boolean =>
  (status?.canary?.readyReplicas ?? 0) > 0 && (status?.weight?.applied ?? 0) > 0;

let scene: Scene;
/** The revision that the first release promotes. */
let promoted: string;

beforeAll(async () => {
  scene = await openScene({
    namespace: NAMESPACE,
    port: 9480,
    rate: 40,
    replicas: 2,
    rollout: { steps: [{ weight: 20, hold: '2m' }, { weight: 100 }], analysis: { bake: '2m', minRequests: 20 } },
  });
});
afterAll(() => scene?.close());

describe('sluice on a release that is promoted', () => {
  it('pauses, resumes and promotes it, and whoever waits for the end is told', async () => {
    const { shop } = scene;
    await shop.release('v2');
    // At once, as a pipeline would: the controller may not have noticed the change yet.
    const waiting = sluice('watch', RELEASED, '--until-done', '--timeout', '4m');
    const { status } = await shop.until('the canary has requests', isLive);
    promoted = status?.canary?.revision ?? '';

    expect(await sluice('pause', RELEASED, '--wait')).toMatchObject({
      code: 0,
      out: expect.stringMatching(`^checkout: pause of ${promoted} requested\ncheckout: is paused: `),
    });
    expect((await shop.rollout()).status?.phase).toBe('Paused');
    expect(await sluice('pause', RELEASED)).toMatchObject({
      code: 0,
      out: `checkout: pause of ${promoted} was asked for already\n`,
    });
    expect((await sluice('get', RELEASED)).out).toMatch(
      new RegExp(`^checkout in namespace ${NAMESPACE}: Paused\n.*canary +${promoted} +1/1 +20 %.*▶ 20 % +hold 2m`, 's'),
    );

    expect(await sluice('resume', RELEASED, '--wait')).toMatchObject({ code: 0 });
    expect((await shop.rollout()).status?.phase).toBe('Progressing');
    expect(await sluice('promote', RELEASED, '--wait')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`checkout: ${promoted} was promoted: `),
    });
    const told = await waiting;
    expect(told).toMatchObject({ code: 0, err: expect.stringContaining(`${promoted} ended as Promoted`) });
    expect(told.out).toMatch(/Paused.*Promoting.*Idle/s);
  });

  it('says so when the request or the wait comes again afterwards', async () => {
    expect(await sluice('promote', RELEASED)).toMatchObject({
      code: 0,
      out: expect.stringContaining('was done already'),
    });
    expect(await sluice('watch', RELEASED, '--until-done')).toMatchObject({
      code: 0,
      err: `checkout: ${promoted} is stable, nothing is left to be released\n`,
    });
    expect(await sluice('abort', RELEASED)).toMatchObject({
      code: 1,
      err: expect.stringMatching(`^sluice: checkout has no release in progress; ${promoted} was promoted `),
    });
  });

  it('lists it as whole objects', async () => {
    const { out } = await sluice('get', '-o', 'json');
    const rollouts = JSON.parse(out) as Rollout[];
    expect(rollouts.map(({ kind, status }) => [kind, status?.stable?.revision])).toEqual([['Rollout', promoted]]);
  });
});

describe('sluice on a release that is aborted', () => {
  it('gives the requests back, and whoever waits for the end is told', async () => {
    const { kube, shop } = scene;
    await shop.release('v3');
    const { status } = await shop.until('the canary has requests', isLive);
    const waiting = sluice('watch', RELEASED, '--for', 'promoted', '-o', 'json');
    const revision = status?.canary?.revision ?? '';

    // Requests for the release before are late repeats: the command refuses them, and the controller ignores them.
    expect(await sluice('abort', RELEASED, '--revision', promoted)).toMatchObject({
      code: 1,
      err: expect.stringContaining(`the release in progress is ${revision}, not ${promoted}`),
    });
    const ref = { kind: kinds.rollout, namespace: NAMESPACE, name: RELEASED };
    const late = { spec: { action: { type: 'Abort', revision: promoted, id: 'late' } } };
    await kube.mergePatch(ref, late, { fieldManager: 'late-repeat' });
    const after = await shop.until('the late repeat is read', (rollout) => rollout.status?.lastAction?.id === 'late');
    expect(after.status).toMatchObject({ phase: 'Progressing', canary: { revision } });

    expect(await sluice('abort', RELEASED, '--wait')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`checkout: no request goes to ${revision} any more`),
    });
    const told = await waiting;
    expect(told).toMatchObject({ code: 1, err: expect.stringContaining(`${revision} is taken back`) });
    const events = told.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly type: string });
    expect(events[0]?.type).toBe('ADDED');
    expect(events.at(-1)?.type).toBe('MODIFIED');

    await shop.until('the release is over', (rollout) => rollout.status?.canary === undefined);
    expect(await sluice('abort', RELEASED)).toMatchObject({
      code: 0,
      out: expect.stringContaining('was done already'),
    });
    expect(await sluice('watch', RELEASED, '--until-done')).toMatchObject({
      code: 1,
      err: expect.stringContaining(`${revision} ended as Aborted`),
    });
  });
});

/** `sluice explain -o json`, once the record of how the release ended is written. */
async function explained(outcome: string): Promise<Explained> {
  return await eventually(
    `the record says ${outcome}`,
    async () => {
      const { out } = await sluice('explain', RELEASED, '-o', 'json');
      const found = out === '' ? undefined : (JSON.parse(out) as Explained);
      return found?.outcome?.kind === outcome ? found : undefined;
    },
    { withinMs: 60_000 },
  );
}

interface Explained {
  readonly revision: string;
  readonly outcome: { readonly kind: string; readonly reason: string } | null;
  readonly agreement: { readonly kind: string };
  readonly objectives: readonly { readonly verdict: { readonly kind: string }; readonly history: readonly unknown[] }[];
}

describe('sluice explain', () => {
  it('decides a good and a bad release again, bit for bit', async () => {
    const { shop } = scene;
    await shop.release('v4', { ERROR_RATIO: '0.5' });
    await shop.until(
      'the bad release was taken back',
      ({ status }) => status?.history?.at(-1)?.outcome === 'RolledBack',
    );
    const bad = await explained('RolledBack');
    expect(bad).toMatchObject({
      agreement: { kind: 'exact' },
      objectives: [{ verdict: { kind: 'Rollback', reason: bad.outcome?.reason } }],
    });
    expect((await sluice('explain', RELEASED)).out).toMatch(/was taken back[\s\S]*Decided by the batch that ended/);

    const good = await sluice('explain', RELEASED, '--revision', promoted, '-o', 'json');
    expect(JSON.parse(good.out)).toMatchObject({
      revision: promoted,
      outcome: { kind: 'Promoted' },
      agreement: { kind: 'exact' },
    });
  });
});

describe('sluice on what is not there', () => {
  it('names the Rollout that may have been meant', async () => {
    expect(await sluice('get', 'chekout')).toEqual({
      code: 4,
      out: '',
      err: `sluice: there is no Rollout "chekout" in namespace "${NAMESPACE}"; did you mean checkout?\n`,
    });
  });
});
