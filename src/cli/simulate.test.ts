import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createTestSession } from '../../test/support/cli-session.ts';
import { simulate } from './simulate.ts';
import { type SimulateWords, simulateWords } from './simulate-words.ts';

const folder = mkdtempSync(join(tmpdir(), 'simulate-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SPEC = `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: checkout}
spec:
  workloadRef: {kind: Deployment, name: checkout}
  service: {name: checkout, port: http}
  routing: {istio: {}}
  strategy: {canary: {steps: [{weight: 10, hold: 1m}, {weight: 100}]}}
  analysis: {bake: 1m, deadline: 20m}
`;

function file(contents: string): string {
  const path = join(folder, `${contents.length}.yaml`);
  writeFileSync(path, contents);
  return path;
}

const WORDS: SimulateWords = {
  ...simulateWords({ traffic: 'steady', failures: 0.1, runs: 4, seed: 3, scrape: 5_000 }),
  faults: ['none', 'errors-50'],
};

async function answer(words: Partial<SimulateWords>, isJson = true) {
  const session = createTestSession({ isJson });
  const code = await simulate({ ...session, progress: null }, { ...WORDS, ...words });
  return { code, text: session.written() };
}

describe('sluice simulate', () => {
  it('puts the spec and the rivals in one table, and gives it again for the same seed', async () => {
    const words = { file: file(SPEC), against: ['flagger-docs', 'argo-docs'] };
    const first = await answer(words);
    expect(first.code).toBe(0);
    const rows = JSON.parse(first.text) as readonly {
      fault: string;
      rule: string;
      detected: { share: number } | null;
    }[];
    expect(rows.map(({ fault, rule }) => `${fault}: ${rule}`)).toEqual([
      'none: this spec',
      'none: flagger-docs',
      'none: argo-docs',
      'errors-50: this spec',
      'errors-50: flagger-docs',
      'errors-50: argo-docs',
    ]);
    expect(rows[3]?.detected?.share).toBe(1);
    expect((await answer(words)).text).toBe(first.text);
    expect((await answer({ ...words, seed: 4 })).text).not.toBe(first.text);
  });

  it('draws a table for people', async () => {
    const { text } = await answer({ file: file(SPEC), against: ['none'] }, false);
    expect(text).toMatch(/^FAULT +RULE +TAKEN BACK/);
    expect(text).toContain('errors-50');
  });

  it('lists what it can do', async () => {
    expect((await answer({ listsProfiles: true }, false)).text).toContain('flagger-tuned');
  });

  it.each([
    [SPEC.replace('weight: 10,', 'weight: 0,'), 'spec.strategy.canary.steps[0].weight'],
    [SPEC.replace('deadline: 20m', 'deadline: 90s'), 'spec.analysis.deadline'],
    [
      `${SPEC}  objectives: [{name: a, objectiveRef: {name: b}}]\n`,
      'spec.objectives[0].objectiveRef.name: b is not in',
    ],
    ['kind: Service\n', 'holds 0 Rollouts'],
    ['a: [', 'is no YAML'],
  ])('refuses a file that is wrong: %#', async (contents, message) => {
    await expect(answer({ file: file(contents) })).rejects.toThrow(message);
  });

  it('refuses names that there are none of', async () => {
    await expect(answer({ file: file(SPEC), faults: ['error-50'] })).rejects.toThrow('did you mean errors-50');
    await expect(answer({})).rejects.toThrow('needs -f FILE');
    await expect(answer({ file: join(folder, 'none.yaml') })).rejects.toThrow('cannot be read (ENOENT)');
  });

  it('stops at a signal without half a table', async () => {
    const session = createTestSession();
    session.interrupt();
    const words = { ...WORDS, file: file(SPEC), runs: 100_000 };
    expect(await simulate({ ...session, progress: null }, words)).toBe(130);
    expect(session.written()).toBe('');
    expect(session.notes[0]).toMatch(/stopped after \d+ of/);
  });
});
