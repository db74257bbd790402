import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTestSession, type TestSession } from '../../test/support/cli-session.ts';
import { eventually } from '../../test/support/eventually.ts';
import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import { kinds } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/port.ts';
import type { RawQuery } from '../metrics/provider.ts';
import { planExperimentCommand } from './chaos-plan.ts';
import { runExperiment } from './chaos-run.ts';
import type { Connect } from './chaos-traffic.ts';

const USER = { fieldManager: 'user' } as const;
const FOLDER = mkdtempSync(join(tmpdir(), 'sluice-chaos-'));

const MANIFEST = `
apiVersion: sluice.dev/v1alpha1
kind: ChaosExperiment
metadata: {name: payments-503}
spec:
  target: {service: {name: payments, port: 80}}
  callers: {matchLabels: {app: checkout}}
  fault: {abort: {httpStatus: 503}}
  ramp: [{percentage: 1, for: 1m}, {percentage: 4, for: 2m}]
  steadyState: {service: checkout, objectives: [{name: availability, requests: {successRatio: 99}}]}
`;

function fileOf(content: string): string {
  const file = join(FOLDER, `${Math.random()}.yaml`);
  writeFileSync(file, content);
  return file;
}

function podOf(name: string, labels: Readonly<Record<string, string>>, containers: readonly string[]) {
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', labels } },
    spec: { containers: containers.map((container) => ({ name: container })) },
    status: { phase: 'Running' },
  };
}

/** A shop of three callers, one of them without a sidecar, and what they call. */
async function shop(changes: Parameters<typeof createTestSession>[0] = {}): Promise<TestSession> {
  const session = createTestSession(changes);
  const create = (kind: (typeof kinds)[keyof typeof kinds], object: object) =>
    session.kube.create(kind, object as KubeObject, USER);
  await create(kinds.namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  await create(kinds.service, {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'payments', namespace: 'shop' } },
    spec: { selector: { app: 'payments' }, ports: [{ name: 'http', port: 80 }] },
  });
  for (const [name, containers] of [
    ['checkout-1', ['checkout', 'istio-proxy']],
    ['checkout-2', ['checkout', 'istio-proxy']],
    ['checkout-3', ['checkout']],
  ] as const)
    await create(kinds.pod, podOf(name, { app: 'checkout' }, containers));
  await create(kinds.pod, podOf('other', { app: 'other' }, ['other', 'istio-proxy']));
  return session;
}

/** Callers of payments in a minute of scrapes, with so many requests a second. */
const requestsOf =
  (rates: Readonly<Record<string, number>>): Connect =>
  (_, clock) => ({
    name: 'a source of the test',
    samples: async ({ selector }: RawQuery) => ({
      warnings: [],
      clockOffsetMs: 0,
      series: selector.includes('istio_requests_total')
        ? Object.entries(rates).map(([workload, perSecond]) => ({
            labels: labelsOf(workload),
            samples: Array.from({ length: 25 }, (_, index) => {
              const at = clock.now() - 1_000 - (24 - index) * 5_000;
              return { at, value: (at / 1000) * perSecond };
            }),
          }))
        : Object.keys(rates).map((workload) => ({
            labels: { job: 'pods', instance: workload },
            samples: Array.from({ length: 25 }, (_, index) => ({
              at: clock.now() - 1_000 - (24 - index) * 5_000,
              value: 1,
            })),
          })),
    }),
  });

const labelsOf = (workload: string) => ({
  ...{ job: 'pods', instance: workload, reporter: 'source', response_code: '200', response_flags: '-' },
  ...{ source_workload: workload, source_workload_namespace: 'shop' },
  ...{ destination_service: 'payments.shop.svc.cluster.local', destination_service_name: 'payments' },
  destination_service_namespace: 'shop',
});

const SOURCE = { prometheus: 'http://prometheus.test' };

describe('sluice chaos plan', () => {
  it('tells whom it would touch, what it would write, and that it would be admitted; and writes nothing', async () => {
    const session = await shop();
    const before = JSON.stringify(await everything(session));
    const connect = requestsOf({ 'checkout-1': 30, 'checkout-2': 30, other: 40 });
    const code = await planExperimentCommand(session, { file: fileOf(MANIFEST), source: SOURCE }, connect);
    const text = session.written();
    expect(text).toContain('payments-503 in namespace shop: would be admitted');
    expect(text).toContain('3 pods of checkout-1, checkout-2, checkout-3, 1 of them without a sidecar and not touched');
    expect(text).toMatch(/Traffic +60 requests\/s of the callers, 40 requests\/s of others/);
    expect(text).toMatch(/^1 % +1m +0\.6 requests\/s +0\.6 %$/m);
    expect(text).toMatch(/^4 % +2m +2\.4 requests\/s +2\.4 %$/m);
    expect(text).toMatch(/Job +shop\/payments-503-fuse-1/);
    expect(text).toMatch(/EnvoyFilter +shop\/sluice-payments-503/);
    expect(text).toMatch(/warning SomeWithoutSidecar: spec\.callers: 1 of 3 pods/);
    expect(code).toBe(0);
    expect(JSON.stringify(await everything(session))).toBe(before);
  });

  it('ends with 1 where more would be touched than the spec allows', async () => {
    const session = await shop({ isJson: true });
    const file = fileOf(MANIFEST.replace('percentage: 4', 'percentage: 40'));
    const code = await planExperimentCommand(session, { file, source: SOURCE }, requestsOf({ 'checkout-1': 60 }));
    expect(code).toBe(1);
    const told = JSON.parse(session.written());
    expect(told.admission).toMatchObject({ state: 'denied', reason: 'ShareExceeded' });
    expect(told.doses[1]).toMatchObject({ percentage: 40, share: expect.closeTo(0.4), forSeconds: 120 });
    expect(told.objects.map(({ kind }: KubeObject) => kind)).toEqual(['Job', 'EnvoyFilter']);
  });

  it('says what is not known without a source, and what stands in the way', async () => {
    const session = await shop();
    await session.kube.delete({ kind: kinds.service, namespace: 'shop', name: 'payments' });
    const code = await planExperimentCommand(session, { file: fileOf(MANIFEST), source: {} });
    expect(code).toBe(1);
    expect(session.written()).toContain('would be denied (TargetNotFound)');
    expect(session.written()).toContain('not known: name the metrics source by --prometheus');
  });

  it('prints the objects alone as YAML', async () => {
    const session = await shop();
    await planExperimentCommand(session, { file: fileOf(MANIFEST), source: {}, yaml: true });
    expect(session.written()).toMatch(/kind: Job[\s\S]*activeDeadlineSeconds: 60[\s\S]*---\n[\s\S]*kind: EnvoyFilter/);
  });

  it('knows one that exists', async () => {
    const session = await shop();
    await run(session, { wait: false });
    const code = await planExperimentCommand(session, { existing: 'payments-503', source: {} });
    expect(code).toBe(0);
    await expect(planExperimentCommand(session, { existing: 'payment-503', source: {} })).rejects.toThrow(
      /did you mean payments-503/,
    );
  });
});

describe('the file of an experiment', () => {
  const plan = (content: string, session = createTestSession()) =>
    planExperimentCommand(session, { file: fileOf(content), source: {} });

  it.each([
    ['is no YAML', 'a: [', /is no YAML/],
    ['has none', 'kind: Service', /must hold exactly one ChaosExperiment, and has no ChaosExperiment/],
    ['has two', `${MANIFEST}---\n${MANIFEST}`, /has 2 of them/],
    ['has no name', MANIFEST.replace('name: payments-503', ''), /metadata\.name is missing.*--name/],
    ['is wrong', MANIFEST.replace('httpStatus: 503', 'httpStatus: 600'), /spec\.fault\.abort\.httpStatus: must be/],
  ])('is refused where it %s', async (_what, content, message) => {
    await expect(plan(content)).rejects.toThrow(message);
  });

  it('must not contradict -n', async () => {
    const content = MANIFEST.replace('{name: payments-503}', '{name: payments-503, namespace: other}');
    await expect(plan(content, createTestSession({ isNamespaceGiven: true }))).rejects.toThrow(
      /metadata\.namespace is "other", but -n says "shop"/,
    );
  });
});

const refOf = (name: string) => ({ kind: kinds.chaosExperiment, namespace: 'shop', name });

function run(
  session: TestSession,
  words: Partial<Parameters<typeof runExperiment>[1]> = {},
  asksToStop = new AbortController().signal,
): Promise<number> {
  return runExperiment(session, { file: fileOf(MANIFEST), wait: true, source: {}, ...words }, { asksToStop });
}

/** Writes status as the controller would, once the experiment is there. */
async function report(session: TestSession, status: object, name = 'payments-503'): Promise<void> {
  await eventually('the experiment is created', async () => (await session.kube.get(refOf(name))) !== undefined);
  const found = await session.kube.get<ChaosExperiment & KubeObject>(refOf(name));
  const op = found?.status === undefined ? 'add' : 'replace';
  await session.kube.jsonPatch(refOf(name), [{ op, path: '/status', value: status }], {
    ...USER,
    subresource: 'status',
  });
}

describe('sluice chaos run', () => {
  it.each([
    ['Passed', 0],
    ['Failed', 1],
    ['Inconclusive', 5],
    ['Stopped', 5],
  ])('ends with the report and the code of %s', async (verdict, code) => {
    const session = await shop();
    const done = run(session);
    const dose = { asked: 1, written: 1, step: 1, steps: 2 };
    await report(session, { phase: 'Injecting', dose, seen: { matched: 200, touched: 3 }, message: 'dose 1' });
    await eventually('it is told', async () =>
      session.written().includes('Injecting, dose 1 of 2 (1 % asked, 1.5 % of all so far): dose 1'),
    );
    await report(session, { phase: 'Finished', verdict, reason: 'Why', message: 'because', report: '# the report' });
    expect(await done).toBe(code);
    expect(session.written()).toContain(`${verdict} (Why): because\n\n${verdict}\n\n# the report\n`);
  });

  it('creates nothing that would be denied', async () => {
    const session = await shop();
    const { apiVersion, kind } = kinds.safetyPolicy;
    const policy = { apiVersion, kind, metadata: { name: 'default' }, spec: { halt: true, reason: 'an incident' } };
    await session.kube.create<KubeObject>(kinds.safetyPolicy, policy, USER);
    await expect(run(session)).rejects.toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/would be denied, so it was not created: .*an incident/),
    });
    expect(await session.kube.get(refOf('payments-503'))).toBeUndefined();
  });

  it('says what to do where the name is taken', async () => {
    const session = await shop();
    expect(await run(session, { wait: false })).toBe(0);
    await report(session, { phase: 'Finished', verdict: 'Passed' });
    await expect(run(session)).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(/"payments-503" already \(Passed\).*--name.*kubectl delete slx payments-503/),
    });
    expect(await run(session, { wait: false, name: 'payments-503-again' })).toBe(0);
    expect(await session.kube.get(refOf('payments-503-again'))).toBeDefined();
  });

  it('finds a name of its own for generateName', async () => {
    const session = await shop();
    const file = fileOf(MANIFEST.replace('name: payments-503', 'generateName: nightly-'));
    await run(session, { file, wait: false });
    expect(session.written()).toMatch(/^nightly-[a-z0-9]{5}: created/);
  });

  it('stops it on the first Ctrl-C, and waits until nobody is touched', async () => {
    const session = await shop();
    const interrupt = new AbortController();
    const done = run(session, {}, interrupt.signal);
    await report(session, { phase: 'Injecting', message: 'dose 1' });
    interrupt.abort('SIGINT');
    await eventually('stop is asked for', async () => {
      const found = await session.kube.get<ChaosExperiment & KubeObject>(refOf('payments-503'));
      return found?.spec.stop === true;
    });
    await report(session, { phase: 'Finished', verdict: 'Stopped' });
    expect(await done).toBe(130);
    expect(session.notes.join()).toContain('Ctrl-C again leaves it');
  });

  it('leaves it on the second, and names the fuse', async () => {
    const session = await shop();
    const interrupt = new AbortController();
    const done = run(session, {}, interrupt.signal);
    await report(session, { phase: 'Injecting', fuseUntil: '2026-01-01T00:00:00Z' });
    await eventually('it is told', async () => session.written().includes('Injecting'));
    interrupt.abort('SIGINT');
    await eventually('it is being stopped', async () => session.notes.length > 0);
    session.interrupt();
    expect(await done).toBe(130);
    expect(session.notes.at(-1)).toContain('the fuse ends the fault at 2026-01-01T00:00:00Z at the latest');
  });

  it('gives up after --timeout, and says that it goes on', async () => {
    const session = await shop();
    await expect(run(session, { timeoutMs: 1 })).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/it goes on: sluice chaos stop payments-503/),
    });
  });
});

async function everything({ kube }: TestSession): Promise<readonly unknown[]> {
  const all = await Promise.all(Object.values(kinds).map((kind) => kube.list(kind)));
  return all.map(({ items }) => items);
}
