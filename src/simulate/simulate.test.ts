import { describe, expect, it } from 'vitest';
import { sampleRollout } from '../../test/support/sample-rollout.ts';
import { planRollout } from '../plan/rollout-plan.ts';
import { FAULTS } from './faults.ts';
import { RIVALS } from './rivals.ts';
import { type Question, type Row, simulate } from './simulate.ts';
import { TRAFFIC } from './traffic.ts';

function ask(fault: string, changes: Partial<Question> & { readonly spec?: Question['spec'] } = {}): readonly Row[] {
  const spec = changes.spec ?? specOf();
  const planned = planRollout(spec);
  if (!planned.ok) throw new Error(planned.problems.map(({ message }) => message).join());
  const traffic = TRAFFIC[0];
  if (traffic === undefined) throw new Error('no traffic');
  const faults = FAULTS.filter(({ name }) => name === fault);
  const usual = { rivals: [], requestRate: 100, usualFailures: 0.001, scrapeS: 5, runs: 5, seed: 11 };
  const rows: Row[] = [];
  for (const step of simulate({ ...usual, spec, plan: planned.plan, traffic, faults, ...changes }))
    if (step.kind === 'row') rows.push(step.row);
  return rows;
}

function specOf(canary: Question['spec']['strategy']['canary'] = sampleCanary): Question['spec'] {
  const { spec } = sampleRollout();
  const analysis = { ...spec.analysis, bake: '1m', deadline: '30m' };
  return { ...spec, strategy: { canary: canary ?? {} }, analysis };
}

const sampleCanary: Question['spec']['strategy']['canary'] = {
  steps: [{ weight: 10, hold: '1m' }, { weight: 50, hold: '1m' }, { weight: 100 }],
};

describe('a simulated release', () => {
  it('is promoted when it is harmless, after its holds and its bake', () => {
    const [row] = ask('none');
    expect(row?.summary).toMatchObject({ promoted: { hits: 5 }, falseRollback: { hits: 0 }, detected: null });
    expect(row?.summary.promotionS?.median).toBeGreaterThan(180);
    expect(row?.summary.failedRequests.mean).toBe(0);
  });

  it.each(['errors-50', 'errors-100', 'load'])('is taken back for %s', (fault) => {
    const [row] = ask(fault);
    expect(row?.summary).toMatchObject({ detected: { hits: 5 }, falseRollback: { hits: 0 } });
    expect(row?.summary.failedRequests.mean).toBeGreaterThan(0);
  });

  it('is taken back for a late fault only while somebody looks', () => {
    const [short] = ask('late');
    expect(short?.summary).toMatchObject({ detected: { hits: 0 }, promoted: { hits: 5 } });
    const spec = specOf();
    const [long] = ask('late', { spec: { ...spec, analysis: { ...spec.analysis, bake: '10m' } } });
    expect(long?.summary).toMatchObject({ detected: { hits: 5 } });
    const costs = [short, long].map((row) => row?.summary.failedRequests.mean ?? 0);
    expect(costs[0]).toBeGreaterThan(100 * (costs[1] ?? 0));
  });

  it('is inconclusive where there are too few requests', () => {
    const [row] = ask('none', { requestRate: 0.01 });
    expect(row?.summary).toMatchObject({ inconclusive: { hits: 5 }, promoted: { hits: 0 } });
  });

  it('goes by its evidence where the steps are adaptive', () => {
    const [row] = ask('none', { spec: specOf({ adaptive: { profile: 'Fast' } } as never) });
    expect(row?.summary).toMatchObject({ promoted: { hits: 5 } });
  });

  it('costs the rivals what their closed forms say', () => {
    const rows = ask('errors-50', { rivals: RIVALS });
    const delays = Object.fromEntries(rows.map(({ rule, summary }) => [rule, summary.detectionS?.median]));
    // (threshold + 1) ticks for Flagger; failureLimit + 1 for Argo; less what the route takes to be followed.
    expect(delays).toMatchObject({
      'flagger-docs': 359.5,
      'flagger-tuned': 19.5,
      'argo-docs': 1199.5,
      'argo-tuned': 9.5,
    });
  });
});
