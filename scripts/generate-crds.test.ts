import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generatedFiles, staleFiles } from './generate-crds.ts';

const root = join(import.meta.dirname, '..');
let copy: string;

beforeEach(async () => {
  copy = await mkdtemp(join(tmpdir(), 'sluice-generate-'));
  for (const folder of ['crds', 'docs']) await cp(join(root, folder), join(copy, folder), { recursive: true });
});

afterEach(async () => {
  await rm(copy, { recursive: true, force: true });
});

describe('generate-crds', () => {
  it('finds the committed CRDs and reference up to date', async () => {
    expect(generatedFiles()).toHaveLength(7);
    expect(await staleFiles(root)).toEqual([]);
  });

  it.each(generatedFiles())('notices that $path was edited or is missing', async ({ path }) => {
    await appendFile(join(copy, path), '# edited\n');
    expect(await staleFiles(copy)).toEqual([path]);
    await rm(join(copy, path));
    expect(await staleFiles(copy)).toEqual([path]);
  });

  it('says so with --check, by its exit code too', async () => {
    const { code, output } = await run(copy, '--check');
    expect([code, output]).toEqual([0, expect.stringContaining('up to date')]);
    await appendFile(join(copy, 'docs/spec.md'), 'edited\n');
    const edited = await run(copy, '--check');
    expect([edited.code, edited.output]).toEqual([1, expect.stringContaining('docs/spec.md; run `npm run generate`')]);
  });

  it('writes what is stale, and nothing with --check', async () => {
    await rm(join(copy, 'docs/spec.md'));
    await run(copy, '--check');
    expect(await staleFiles(copy)).toEqual(['docs/spec.md']);
    expect((await run(copy)).output).toContain('wrote docs/spec.md');
    expect(await staleFiles(copy)).toEqual([]);
  });
});

function run(folder: string, ...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const script = join(import.meta.dirname, 'generate-crds.ts');
    execFile(process.execPath, [script, ...args, '--root', folder], (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr });
    });
  });
}
