import { describe, expect, it } from 'vitest';
import { runChild } from './child.ts';

describe('a command of a tier', () => {
  it('gives its lines as they come and its exit code', async () => {
    const { lines, code } = await run("console.log('out'); console.error('err'); process.exitCode = 3");
    expect(lines.toSorted()).toEqual(['err', 'out']);
    expect(code).toBe(3);
  });

  it('is ended when the run is interrupted', async () => {
    const interrupt = new AbortController();
    const script = "setInterval(() => {}, 1000); console.log('ready')";
    const code = await runChild([process.execPath, '-e', script], {
      signal: interrupt.signal,
      onLine: () => interrupt.abort(),
    });
    expect(code).toBe(128);
  });

  it('is not started when the run was interrupted before', async () => {
    await expect(run("console.log('out')", AbortSignal.abort())).resolves.toEqual({ lines: [], code: 128 });
  });

  it('that does not exist says so', async () => {
    const nothing = { signal: new AbortController().signal, onLine: () => undefined };
    await expect(runChild(['no-such-program'], nothing)).rejects.toThrow('ENOENT');
  });
});

async function run(script: string, signal: AbortSignal = new AbortController().signal) {
  const lines: string[] = [];
  const code = await runChild([process.execPath, '-e', script], { signal, onLine: (line) => lines.push(line) });
  return { lines, code };
}
