import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { findLines, productSources, read, root } from './tree.ts';

const run = promisify(execFile);
const planted = 'test/tidy/planted/machines/rollout';

describe('the types of machines', () => {
  let errors: readonly string[] = [];

  beforeAll(async () => {
    errors = await linesOf('node_modules/typescript/bin/tsc', [
      '--noEmit',
      '--pretty',
      'false',
      '-p',
      'test/tidy/planted/machines',
    ]);
  });

  it.each([
    ['uses-console.ts', "Cannot find name 'console'"],
    ['uses-console.ts', "Cannot find name 'process'"],
    ['sets-timer.ts', "Cannot find name 'setTimeout'"],
    ['fetches.ts', "Cannot find name 'fetch'"],
    ['reads-files.ts', "Cannot find name 'node:fs'"],
  ])('do not know what %s asks for: %s', (file, message) => {
    const inFile = errors.filter((line) => line.startsWith(`${planted}/${file}`)).join('\n');
    expect(inFile).toContain(message);
  });
});

describe('the types that machines see', () => {
  it('hold nothing of Node, by no detour through a package', async () => {
    const seen = await linesOf('node_modules/typescript/bin/tsc', ['--listFilesOnly', '-p', 'machines']);
    expect(seen.some((file) => file.includes('/machines/'))).toBe(true);
    expect(seen.filter((file) => file.includes('/node_modules/@types/') || /\/lib\.dom\./.test(file))).toEqual([]);
  });
});

describe('the lint rules of machines', () => {
  let report = '';

  beforeAll(async () => {
    report = await lintPlanted();
  });

  it('refuse the clock', () => {
    expect(report).toMatch(/machines\/rollout\/reads-clock\.ts:1:\d+ lint\/style\/noRestrictedGlobals/);
    expect(report).toContain('time is an input: use event.at');
  });

  it('allow arithmetic', () => {
    expect(report).not.toContain('throws-dice.ts');
  });
});

describe('time and chance', () => {
  const outsideLib = productSources.filter((file) => !file.startsWith('src/lib/'));
  const impure =
    /\bDate\.now\b|\bnew Date\(\)|\bset(Timeout|Interval|Immediate)\b|\bMath\.random\b|\bperformance\.now\b|node:timers|\brandomUUID\b/;

  it('come from src/lib only', () => {
    expect(findLines(outsideLib, impure)).toEqual([]);
  });

  it.each(['reads-clock.ts', 'throws-dice.ts', 'sets-timer.ts'])('would be noticed in %s', (file) => {
    expect(read(`${planted}/${file}`)).toMatch(impure);
  });
});

/** What Biome says of the planted machines when they stand where machines stand. */
async function lintPlanted(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'planted-'));
  try {
    cpSync(join(root, 'biome.json'), join(folder, 'biome.json'));
    cpSync(join(root, 'test/tidy/planted/machines'), join(folder, 'machines'), { recursive: true });
    const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
    return (await linesOf(biome, ['lint', '--vcs-enabled=false', '--max-diagnostics=none', '.'], folder)).join('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function linesOf(script: string, args: readonly string[], cwd: string = root): Promise<readonly string[]> {
  return run(process.execPath, [script, ...args], { cwd }).then(
    ({ stdout, stderr }) => (stdout + stderr).split('\n'),
    (error: { stdout: string; stderr: string }) => (error.stdout + error.stderr).split('\n'),
  );
}
