import { describe, expect, it } from 'vitest';
import { createTestSession } from '../../test/support/cli-session.ts';
import { kinds } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/port.ts';
import { listExperiments, reportExperiment, stopExperiment } from './chaos.ts';

const WRITER = { fieldManager: 'test' };

async function sessionWith(status?: object) {
  const session = createTestSession();
  const { apiVersion, kind } = kinds.chaosExperiment;
  const object = {
    ...{ apiVersion, kind, metadata: { name: 'payments-503', namespace: 'shop' } },
    spec: {
      target: { service: { name: 'payments', port: 80 } },
      callers: { matchLabels: { app: 'checkout' } },
      fault: { abort: { httpStatus: 503 } },
      ramp: [{ percentage: 5, for: '30s' }],
    },
  };
  const created = await session.kube.create<KubeObject>(kinds.chaosExperiment, object, WRITER);
  if (status !== undefined)
    await session.kube.apply(kinds.chaosExperiment, { ...created, status } as KubeObject, {
      ...WRITER,
      subresource: 'status',
      force: true,
    });
  return session;
}

const specOf = async (session: Awaited<ReturnType<typeof sessionWith>>) =>
  (
    await session.kube.get<KubeObject & { spec: Record<string, unknown> }>({
      kind: kinds.chaosExperiment,
      namespace: 'shop',
      name: 'payments-503',
    })
  )?.spec;

describe('sluice chaos', () => {
  it('lists experiments', async () => {
    const session = await sessionWith({
      phase: 'Injecting',
      dose: { asked: 5, written: 5, step: 1, steps: 1 },
      message: 'dose 1',
    });
    expect(await listExperiments(session, {})).toBe(0);
    expect(session.written()).toMatch(/^NAME +PHASE[^\n]*\npayments-503 +Injecting +- +5 % +payments .* dose 1\n$/);
  });

  it('stops one, once', async () => {
    const session = await sessionWith({ phase: 'Injecting' });
    expect(await stopExperiment(session, 'payments-503')).toBe(0);
    expect(await specOf(session)).toMatchObject({ stop: true });
    expect(await stopExperiment(session, 'payments-503')).toBe(0);
    expect(session.written()).toMatch(/stop requested\n.*being stopped already\n$/);
  });

  it('names what may have been meant', async () => {
    const session = await sessionWith();
    await expect(stopExperiment(session, 'payment-503')).rejects.toThrow(/did you mean payments-503\?/);
  });

  it('prints the report of a finished one, and says why there is none yet', async () => {
    const finished = await sessionWith({ phase: 'Finished', report: '# payments-503: Passed' });
    await reportExperiment(finished, 'payments-503');
    expect(finished.written()).toBe('# payments-503: Passed\n');
    await expect(reportExperiment(await sessionWith({ message: 'dose 1' }), 'payments-503')).rejects.toThrow(
      'has not finished: dose 1',
    );
  });
});
