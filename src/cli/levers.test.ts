import { describe, expect, it } from 'vitest';
import { createTestSession } from '../../test/support/cli-session.ts';
import { kinds } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/port.ts';
import { type LeverWords, setLever } from './levers.ts';

type TestSession = ReturnType<typeof createTestSession>;

const policyOf = async ({ kube }: TestSession) =>
  (await kube.get<KubeObject & { spec: Record<string, unknown> }>({ kind: kinds.safetyPolicy, name: 'default' }))?.spec;
const pull = (session: TestSession, lever: LeverWords['lever'], words: Partial<LeverWords> = {}) =>
  setLever(session, { lever, isOn: true, reason: undefined, until: undefined, ...words });
const release = (session: TestSession, lever: LeverWords['lever']) => pull(session, lever, { isOn: false });

describe('a lever', () => {
  it.each(['halt', 'freeze'] as const)('%s is made where there is no policy, and taken back', async (lever) => {
    const session = createTestSession();
    await pull(session, lever, { reason: 'an incident' });
    expect(await policyOf(session)).toEqual({ [lever]: true, reason: 'an incident' });
    await release(session, lever);
    expect(await policyOf(session)).toEqual({ [lever]: false });
  });

  it.each(['halt', 'freeze'] as const)('%s needs nothing where it was never pulled', async (lever) => {
    const session = createTestSession();
    await release(session, lever);
    expect(await policyOf(session)).toBeUndefined();
  });

  it('leaves the other one as it is, with its reason', async () => {
    const session = createTestSession();
    await pull(session, 'halt', { reason: 'an incident' });
    await pull(session, 'freeze');
    expect(await policyOf(session)).toEqual({ halt: true, freeze: true, reason: 'an incident' });
    await release(session, 'halt');
    expect(await policyOf(session)).toEqual({ halt: false, freeze: true, reason: 'an incident' });
    await release(session, 'freeze');
    expect(await policyOf(session)).toEqual({ halt: false, freeze: false });
  });

  it('is over by itself at a time, or after one', async () => {
    const session = createTestSession();
    const at = Math.ceil(session.clock.now() / 1000) * 1000 + 60_000;
    await pull(session, 'freeze', { until: at });
    expect(await policyOf(session)).toEqual({
      freeze: true,
      freezeUntil: new Date(at).toISOString().replace('.000', ''),
    });
    await pull(session, 'freeze', { until: { inMs: 7_200_000 } });
    const { freezeUntil } = (await policyOf(session)) ?? {};
    expect(Date.parse(String(freezeUntil)) - session.clock.now()).toBeLessThan(7_201_000);
    await release(session, 'freeze');
    expect(await policyOf(session)).toEqual({ freeze: false });
    await expect(pull(session, 'freeze', { until: 1 })).rejects.toThrow(/is over already/);
  });
});
