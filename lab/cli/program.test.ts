import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type LabCommands, labProgram } from './program.ts';

let calls: unknown[][];
let commands: LabCommands;

beforeEach(() => {
  calls = [];
  const recorded =
    (command: string, code = 0) =>
    async (...args: unknown[]) => {
      calls.push([command, ...args]);
      return code;
    };
  commands = {
    up: recorded('up'),
    down: recorded('down'),
    status: recorded('status', 3),
    exec: recorded('exec', 42),
    logs: recorded('logs'),
    part: recorded('part'),
    build: recorded('build'),
  };
  for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, 'write').mockReturnValue(true);
  return () => vi.restoreAllMocks();
});

const lab = (...words: string[]) => labProgram(['node', 'lab', ...words], commands);

describe('the name of the lab', () => {
  test('is "default" unless given', async () => {
    await lab('down');
    expect(calls).toEqual([['down', 'default']]);
  });

  test('may stand before or after the command', async () => {
    await lab('--name', 'b', 'down');
    await lab('down', '--name', 'b');
    expect(calls).toEqual([
      ['down', 'b'],
      ['down', 'b'],
    ]);
  });
});

describe('kubectl and exec', () => {
  test('hand on every word, options and --name included', async () => {
    await lab('--name', 'b', 'kubectl', 'get', 'pods', '-A', '--name', 'x', '--help', '-o=json');
    expect(calls).toEqual([['exec', 'b', ['kubectl', 'get', 'pods', '-A', '--name', 'x', '--help', '-o=json']]]);
  });

  test('take the words after -- as they are', async () => {
    await lab('exec', '--', 'sh', '-c', 'echo "a b"; exit 1', '--', 'x');
    expect(calls).toEqual([['exec', 'default', ['sh', '-c', 'echo "a b"; exit 1', '--', 'x']]]);
  });

  test('pass on the exit code of their command', async () => {
    expect(await lab('exec', '--', 'true')).toBe(42);
  });
});

test('the scrape interval is a number of seconds', async () => {
  await lab('up', '--scrape-interval', '0.5');
  expect(calls).toEqual([['up', 'default', { scrapeInterval: 0.5 }]]);
});

test('part and logs take their words in order', async () => {
  await lab('part', 'restart', 'istiod', '--name', 'b');
  await lab('logs', 'etcd', '-f', '-n', '5');
  expect(calls[0]).toEqual(['part', 'b', 'restart', 'istiod']);
  expect(calls[1]).toEqual(['logs', 'default', 'etcd', { follow: true, lines: 5 }]);
});

test('status passes on that the lab does not run', async () => {
  expect(await lab('status')).toBe(3);
});

test.each([
  [['frobnicate']],
  [['up', '--scrape-interval', 'often']],
  [['up', '--scrape-interval', '-1']],
  [['part', 'kill', 'etcd']],
  [['down', '--force']],
  [['logs']],
])('%j is wrong usage: code 2 and nothing done', async (words) => {
  expect(await lab(...words)).toBe(2);
  expect(calls).toEqual([]);
});

test('help is not a failure', async () => {
  expect(await lab('--help')).toBe(0);
  expect(await lab('up', '--help')).toBe(0);
});
