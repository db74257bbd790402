import { describe, expect, it } from 'vitest';
import { type GlobalOptions, type Invocation, sluiceProgram } from './program.ts';

interface Outcome {
  readonly code: number;
  readonly calls: readonly { readonly invocation: Invocation; readonly global: GlobalOptions }[];
  readonly out: string;
  readonly err: string;
}

async function sluice(...words: readonly string[]): Promise<Outcome> {
  const calls: { invocation: Invocation; global: GlobalOptions }[] = [];
  let [out, err] = ['', ''];
  const code = await sluiceProgram(words, {
    version: '1.2.3',
    run: async (invocation, global) => {
      calls.push({ invocation, global });
      return 7;
    },
    output: {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
    },
  });
  return { code, calls, out, err };
}

describe('the command line', () => {
  it.each([
    ['get', { command: 'get', name: undefined, options: {} }],
    ['get checkout', { command: 'get', name: 'checkout', options: {} }],
    ['get -A', { command: 'get', name: undefined, options: { allNamespaces: true } }],
    ['watch', { command: 'watch', name: undefined, options: {} }],
    ['watch -A', { command: 'watch', name: undefined, options: { allNamespaces: true } }],
    ['watch checkout --until-done', { command: 'watch', name: 'checkout', options: { goal: 'done' } }],
    [
      'watch checkout --for=promoted --timeout 1m30s',
      { command: 'watch', name: 'checkout', options: { goal: 'promoted', timeoutMs: 90_000 } },
    ],
    ['pause checkout', { command: 'act', type: 'Pause', name: 'checkout', options: { timeoutMs: 300_000 } }],
    [
      'abort checkout --revision abc --wait --timeout 20s',
      { command: 'act', type: 'Abort', name: 'checkout', options: { revision: 'abc', wait: true, timeoutMs: 20_000 } },
    ],
    [
      'chaos plan -f a.yaml --name b',
      { command: 'chaos', verb: 'plan', options: { file: 'a.yaml', name: 'b', source: {} } },
    ],
    ['chaos plan a -o yaml', { command: 'chaos', verb: 'plan', options: { existing: 'a', yaml: true, source: {} } }],
    [
      'chaos run -f - --prometheus http://p --timeout 2m',
      {
        command: 'chaos',
        verb: 'run',
        options: { file: '-', wait: true, timeoutMs: 120_000, source: { prometheus: 'http://p' } },
      },
    ],
    [
      'chaos run -f a.yaml --no-wait',
      { command: 'chaos', verb: 'run', options: { file: 'a.yaml', wait: false, source: {} } },
    ],
  ])('reads %s', async (line, invocation) => {
    const { calls, code } = await sluice(...line.split(' '));
    expect(calls.map((call) => call.invocation)).toEqual([invocation]);
    expect(code).toBe(7);
  });

  it('takes the options of all commands before and after the command', async () => {
    const all = ['-n', 'shop', '--kubeconfig', 'file', '--context', 'eu', '-o', 'json', '--no-color'];
    const global = { namespace: 'shop', kubeconfig: 'file', context: 'eu', output: 'json', color: false };
    expect((await sluice(...all, 'get')).calls[0]?.global).toEqual(global);
    expect((await sluice('get', ...all)).calls[0]?.global).toEqual(global);
  });

  it('takes the option nearer to the command where there are two', async () => {
    expect((await sluice('-n', 'a', 'get', '-n', 'b')).calls[0]?.global.namespace).toBe('b');
  });

  it('writes text in colour to the namespace of the kubeconfig where nothing is said', async () => {
    expect((await sluice('get')).calls[0]?.global).toEqual({ output: 'text', color: true });
  });

  it.each([
    ['frob', "unknown command 'frob'"],
    ['get -o yaml', 'Allowed choices are text, json'],
    ['get a b', 'too many arguments'],
    ['get checkout -A', 'a NAME and --all-namespaces exclude each other'],
    ['watch checkout -A', 'a NAME and --all-namespaces exclude each other'],
    ['watch --until-done', 'need the NAME of a Rollout'],
    ['watch checkout --for never', 'Allowed choices are promoted, done'],
    ['watch checkout --timeout 5x', 'must be a time such as 90s'],
    ['watch checkout --timeout 0s', 'must be a time such as 90s'],
    ['pause', "missing required argument 'name'"],
    ['pause checkout --timeout 5s', '--timeout needs --wait'],
    ['chaos plan', 'name either one that exists, or a file by -f'],
    ['chaos plan a -f b', 'name either one that exists, or a file by -f'],
    ['chaos run', 'name the file of the experiment by -f'],
    ['chaos run -f a -o yaml', 'Allowed choices are text, json'],
    ['chaos run -f a --no-wait --timeout 1m', '--timeout and --no-wait exclude each other'],
  ])('refuses %s with code 2 and one line that says why', async (line, why) => {
    const { code, err, calls } = await sluice(...line.split(' '));
    expect(code).toBe(2);
    expect(calls).toEqual([]);
    expect(err.split('\n')[0]).toMatch(/^sluice: /);
    expect(err).toContain(why);
  });

  it.each([
    ['the name', ['get', '']],
    ['the namespace', ['get', '-n', '']],
    ['the revision', ['abort', 'checkout', '--revision', '']],
  ])('refuses an empty word for %s', async (_what, words) => {
    const { code, err } = await sluice(...words);
    expect(code).toBe(2);
    expect(err).toContain('must not be empty');
  });

  it('shows its help with code 2 when nothing is said', async () => {
    const { code, err } = await sluice();
    expect(code).toBe(2);
    expect(err).toContain('Usage: sluice');
  });

  it.each(['get', 'watch', 'pause', 'resume', 'promote', 'abort', 'chaos plan', 'chaos run'])(
    'has help with examples and exit codes for %s',
    async (command) => {
      const { code, out, calls } = await sluice(...command.split(' '), '--help');
      expect(code).toBe(0);
      expect(calls).toEqual([]);
      expect(out).toMatch(new RegExp(`Examples:\n {2}sluice ${command}`));
      expect(out).toContain('Exit codes: 0');
    },
  );

  it('prints its version', async () => {
    const { code, out } = await sluice('--version');
    expect([code, out]).toEqual([0, '1.2.3\n']);
  });
});
