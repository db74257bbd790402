import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProcess } from './process.ts';

describe('the process of a container', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lab-process-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const shell = (script: string) =>
    startProcess(
      { argv: ['/bin/sh', '-c', script], env: { PATH: '/usr/bin:/bin', WORD: 'hello' }, cwd: directory },
      join(directory, 'logs/main.log'),
    );

  it('writes its output to the log, run after run, and has its environment alone', async () => {
    for (const text of ['one', 'two']) await (await shell(`echo ${text} $WORD $USER; echo err >&2`)).ended;
    expect(await readFile(join(directory, 'logs/main.log'), 'utf8')).toBe('one hello\nerr\ntwo hello\nerr\n');
  });

  it('ends with its exit code', async () => {
    expect(await (await shell('exit 7')).ended).toEqual({ code: 7, signal: undefined });
  });

  it('ends with the number of the signal', async () => {
    const process = await shell('exec sleep 60');
    process.send('SIGTERM');
    expect(await process.ended).toEqual({ code: null, signal: 15 });
  });

  it('takes its own children along when it is killed', async () => {
    const process = await shell('sleep 60 & echo $! > child; wait');
    const childPid = await until(
      async () => Number(await readFile(join(directory, 'child'), 'utf8').catch(() => '')) || undefined,
      'the pid of the child',
    );
    process.send('SIGKILL');
    await process.ended;
    await until(async () => (await isGone(childPid)) || undefined, 'the end of the child');
  });

  it('is refused when its directory does not exist', async () => {
    const plan = { argv: ['/bin/true'], env: {}, cwd: join(directory, 'absent') };
    await expect(startProcess(plan, join(directory, 'main.log'))).rejects.toThrow('ENOENT');
  });
});

async function isGone(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat === undefined || stat.includes(') Z ');
}

async function until<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  for (let turn = 0; turn < 500; turn += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited 5 s for ${what}`);
}
