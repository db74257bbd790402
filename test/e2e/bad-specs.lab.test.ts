import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { crdOf, customKinds } from '../../src/api/crd.ts';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, Kube, KubeObject } from '../../src/kube/port.ts';
import { isAppError } from '../../src/lib/errors.ts';
import { mutatedObjects } from '../contract/api/mutations.ts';
import { badSpecs, goodSpecs, parseSpec, problemsOf, type RawObject } from '../contract/api/specs.ts';
import { eventually } from '../support/eventually.ts';

const NAMESPACE = 'bad-specs';
const namespaces: Kind = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const write = { fieldManager: 'bad-specs-test' };

interface StoredObject extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>>;
}

let kube: Kube;

beforeAll(async () => {
  kube = createKube();
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  await kube.apply(namespaces, namespace, { ...write, force: true });
  for (const custom of customKinds) {
    await kube.apply(kinds.customResourceDefinition, crdOf(custom), { ...write, force: true });
  }
  let seen = '';
  await eventually(
    'the API server to serve Rollouts',
    async () => {
      seen = await refusal({ ...minimal(), spec: { ...minimal().spec, routing: {} } });
      return seen.includes('needs the block istio');
    },
    { withinMs: 30_000, lastSeen: () => seen },
  );
});

afterAll(async () => {
  const ref = { kind: namespaces, name: NAMESPACE };
  await kube.delete(ref);
  // A run that begins while it is being deleted could create nothing in it.
  await eventually('the namespace to be gone', async () => (await kube.get(ref)) === undefined, { withinMs: 60_000 });
}, 90_000);

describe('the API server', () => {
  const refused = badSpecs().filter(({ refusedBy }) => refusedBy === 'api');
  const taken = badSpecs().filter(({ refusedBy }) => refusedBy === 'plan');

  it.each(refused)('refuses $name with a message that names the field and the cure', async (spec) => {
    const message = await refusal(spec.object);
    expect(message).toContain(spec.field);
    expect(message).toContain(spec.message);
  });

  it.each(taken)('takes $name, which the controller refuses in status', async ({ object }) => {
    await expect(create(object)).resolves.toBeDefined();
    await remove(object);
  });

  it.each(goodSpecs())('takes $name and fills in the same defaults as the controller', async ({ object }) => {
    const stored = await create(object);
    await remove(object);
    expect(parseSpec(object)).toEqual({ ok: true, value: stored.spec });
  });

  it.each(Object.entries(mutatedObjects))(
    'takes exactly what the controller takes, also of a %s that is wrong in odd ways',
    async (_kind, mutated) => {
      const count = { taken: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(mutated, async (object) => {
          const refused = await refusalOrNull(object);
          const problems = problemsOf(object);
          if (refused === null) {
            count.taken += 1;
            expect(problems).toEqual([]);
          } else {
            count.refused += 1;
            // The API server leaves its CEL rules out when a value has the wrong shape, so it may name fewer fields.
            expect({ refused, problems, areBoth: problems.some(({ path }) => refused.includes(path)) }).toMatchObject({
              areBoth: true,
            });
          }
        }),
        { seed: Number(process.env.SEED ?? 20_260_102), numRuns: 500 },
      );
      expect(count.taken).toBeGreaterThan(25);
      expect(count.refused).toBeGreaterThan(50);
    },
  );

  it('refuses another workload or Service on a live Rollout, and takes any other change', async () => {
    const created = await create(minimal());
    const change = (spec: object) =>
      kube.mergePatch({ kind: kinds.rollout, namespace: NAMESPACE, name: 'checkout' }, { spec }, write);
    await expect(change({ workloadRef: { name: 'cart' } })).rejects.toThrow(
      'spec.workloadRef: Invalid value: is immutable: create a new Rollout for another workload and delete this one',
    );
    await expect(change({ service: { port: 8080 } })).rejects.toThrow(
      'spec.service: Invalid value: is immutable: create a new Rollout for another Service and delete this one',
    );
    await expect(change({ drain: '6s', routing: { istio: { virtualService: 'checkout' } } })).resolves.toBeDefined();
    await remove(created);
  });

  it('refuses another route during a release, and takes it afterwards', async () => {
    await create(minimal());
    const ref = { kind: kinds.rollout, namespace: NAMESPACE, name: 'checkout' };
    const reroute = () => kube.mergePatch(ref, { spec: { routing: { istio: { virtualService: 'checkout' } } } }, write);
    const setCanary = (canary: object | null) =>
      kube.mergePatch(ref, { status: { canary } }, { ...write, subresource: 'status' });
    await setCanary({ revision: '7f9c8b5d4f' });
    await expect(reroute()).rejects.toThrow('spec.routing: Invalid value: must not change during a release');
    await expect(kube.mergePatch(ref, { spec: { drain: '7s' } }, write)).resolves.toBeDefined();
    await setCanary(null);
    await expect(reroute()).resolves.toBeDefined();
    await remove(minimal());
  });

  it('refuses any change of an experiment but a stop, which cannot be taken back', async () => {
    const example = goodSpecs().find(({ name }) => name === 'chaos-experiment')?.object;
    if (example === undefined) throw new Error('examples/chaos-experiment.yaml is missing');
    const { metadata } = await create(example);
    const ref = { kind: kinds.chaosExperiment, namespace: NAMESPACE, name: metadata.name };
    const change = (spec: object) => kube.mergePatch(ref, { spec }, write);
    const isImmutable = 'spec: Invalid value: is immutable but for stop: an experiment is one run; create another one';
    await expect(change({ ramp: [{ percentage: 50, for: '1m' }] })).rejects.toThrow(isImmutable);
    await expect(change({ fault: { abort: { httpStatus: 500 } } })).rejects.toThrow(isImmutable);
    await expect(change({ cohort: null })).rejects.toThrow(isImmutable);
    await expect(change({ limits: { requestShare: 100 } })).rejects.toThrow(isImmutable);
    await expect(change({ stop: true })).resolves.toBeDefined();
    await expect(change({ stop: false })).rejects.toThrow('spec.stop: Invalid value: cannot be taken back');
    await expect(change({ stop: null })).rejects.toThrow('spec.stop: Invalid value: cannot be taken back');
    await remove(example);
  });

  it('takes any change of a schedule', async () => {
    const example = goodSpecs().find(({ name }) => name === 'chaos-schedule')?.object;
    if (example === undefined) throw new Error('examples/chaos-schedule.yaml is missing');
    const { metadata } = await create(example);
    const ref = { kind: kinds.chaosSchedule, namespace: NAMESPACE, name: metadata.name };
    const change = { suspend: true, template: { spec: { ramp: [{ percentage: 1, for: '1m' }] } } };
    await expect(kube.mergePatch(ref, { spec: change }, write)).resolves.toBeDefined();
    await remove(example);
  });

  it.each([
    ['Rollout', 'rollout-minimal', 'status.yaml'],
    ['ChaosExperiment', 'chaos-experiment', 'chaos-experiment-status.yaml'],
    ['ChaosSchedule', 'chaos-schedule', 'chaos-schedule-status.yaml'],
  ])('takes every field of the status of a %s, at the status subresource only', async (_kind, name, file) => {
    const example = goodSpecs().find((spec) => spec.name === name)?.object;
    if (example === undefined) throw new Error(`examples/${name}.yaml is missing`);
    const { apiVersion, kind, metadata } = await create(example);
    const status = parse(readFileSync(join(import.meta.dirname, '../contract/api', file), 'utf8')) as object;
    const object = { apiVersion, kind, metadata: { name: metadata.name, namespace: NAMESPACE }, status };
    const options = { ...write, subresource: 'status' } as const;
    const applied = await kube.apply<KubeObject & { status?: unknown }>(kindOf(example), object, options);
    expect(applied.status).toEqual(status);
    await remove(example);
  });
});

describe('kubectl', () => {
  it('names a misspelt field', async () => {
    const file = join(import.meta.dirname, '../contract/api/bad/field-misspelt.yaml');
    const { code, stderr } = await kubectl('apply', '--namespace', NAMESPACE, '--filename', file);
    expect(stderr).toContain('unknown field "spec.strategy.canary.step"');
    expect(code).not.toBe(0);
  });

  it('lists Rollouts by short name and category, with phase, step, weight and canary', async () => {
    await create(minimal());
    for (const name of ['rollouts', 'slr', 'sluice']) {
      const { stdout } = await kubectl('get', name, '--namespace', NAMESPACE);
      expect(stdout).toMatch(/NAME\s+PHASE\s+STEP\s+WEIGHT\s+CANARY\s+AGE\n(rollout[.]sluice[.]dev\/)?checkout/);
    }
    await remove(minimal());
  });
});

function minimal(): RawObject {
  const found = goodSpecs().find(({ name }) => name === 'rollout-minimal');
  if (found === undefined) throw new Error('examples/rollout-minimal.yaml is missing');
  return { ...found.object, metadata: { name: 'checkout' } };
}

/** The kind of one of Sluice's own objects. */
function kindOf({ kind }: { readonly kind: string }): Kind {
  const found = Object.values(kinds).find((own) => own.kind === kind && own.apiVersion.startsWith('sluice.dev/'));
  if (found === undefined) throw new Error(`no kind of Sluice's: ${kind}`);
  return found;
}

/** Where objects of the kind are put. */
function placeOf(kind: Kind): { readonly namespace?: string } {
  return kind.namespaced ? { namespace: NAMESPACE } : {};
}

function create({ metadata: { namespace: _own, ...metadata }, ...object }: RawObject): Promise<StoredObject> {
  const kind = kindOf(object);
  const placed = { ...object, metadata: { ...metadata, ...placeOf(kind) } };
  return kube.create<StoredObject>(kind, placed as StoredObject, write);
}

async function remove(object: { readonly kind: string; readonly metadata: { readonly name: string } }): Promise<void> {
  const kind = kindOf(object);
  await kube.delete({ kind, ...placeOf(kind), name: object.metadata.name });
}

/** What the API server says against an object; fails when it takes it. */
async function refusal(object: RawObject): Promise<string> {
  const message = await refusalOrNull(object);
  if (message === null) throw new Error(`${object.metadata.name} was not refused`);
  return message;
}

/** What the API server says against an object; null when it takes it. Leaves nothing behind. */
async function refusalOrNull(object: RawObject): Promise<string | null> {
  try {
    await create(object);
  } catch (error) {
    if (isAppError(error)) return error.message;
    throw error;
  }
  await remove(object);
  return null;
}

function kubectl(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile('kubectl', args, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number')
        reject(new Error('kubectl cannot be run', { cause: error }));
      else resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}
