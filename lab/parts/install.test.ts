import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LabError } from '../lab-error.ts';
import { installPart } from './install.ts';
import type { Part } from './part.ts';
import type { Progress } from './progress.ts';

let cache: string;
let progress: Progress[];

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'sluice-install-'));
  await mkdir(join(cache, 'parts'));
  progress = [];
});
afterEach(() => rm(cache, { recursive: true, force: true }));

const options = () => ({ cache, onProgress: (one: Progress) => progress.push(one) });

/** A part whose program is a shell script that says `says`. */
function scriptPart(says: string, onInstall: () => void = () => undefined): Part {
  return {
    name: 'etcd',
    version: 'v1',
    source: 'this test',
    lane: 'go',
    cacheKey: () => cache,
    requireTools: () => undefined,
    install: async ({ target, step }) => {
      step('write');
      onInstall();
      await writeFile(join(target, 'program'), `#!/bin/sh\necho "${says}"\n`, { mode: 0o755 });
    },
    files: { program: 'program' },
    check: { file: 'program', args: ['--version'], expect: 'version 1' },
  };
}

test('a part is installed once and then found in the cache', async () => {
  let installs = 0;
  const part = scriptPart('version 1', () => {
    installs += 1;
  });
  const first = await installPart(part, options());
  const second = await installPart(part, options());
  expect([first.cached, second.cached, installs]).toEqual([false, true, 1]);
  expect(first.reported).toBe('version 1');
  expect(existsSync(second.files['program'] ?? '')).toBe(true);
});

test('two installations at once do the work once', async () => {
  let installs = 0;
  const part = scriptPart('version 1', () => {
    installs += 1;
  });
  await Promise.all([installPart(part, options()), installPart(part, options())]);
  expect(installs).toBe(1);
});

test('a program that reports another version is not kept', async () => {
  await expect(installPart(scriptPart('version 2'), options())).rejects.toThrow(/says "version 2", not version 1/);
  expect(await readdir(join(cache, 'parts'))).toEqual([]);
});

test('a part without one of its files is not kept', async () => {
  const part = { ...scriptPart('version 1'), files: { program: 'program', other: 'other' } };
  await expect(installPart(part, options())).rejects.toThrow(/the installed part has no other/);
});

test('a failed installation names the part and keeps that a tool is missing', async () => {
  const part = scriptPart('version 1', () => {
    throw new LabError('"go" is missing on this machine: install it', { missing: true });
  });
  const failure = await installPart(part, options()).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(LabError);
  expect(failure).toMatchObject({ message: 'etcd v1: "go" is missing on this machine: install it', missing: true });
});

test('what an interrupted installation left is removed by the next one', async () => {
  await mkdir(join(cache, 'parts/.unfinished-etcd-old'));
  const part = await installPart(scriptPart('version 1'), options());
  expect(await readdir(join(cache, 'parts'))).toEqual([part.folder.split('/').at(-1)]);
});

test('the steps are told as they begin', async () => {
  await installPart(scriptPart('version 1'), options());
  expect(progress.map((one) => (one.kind === 'step' ? one.step : one.kind))).toEqual(['write', 'check', 'done']);
});
