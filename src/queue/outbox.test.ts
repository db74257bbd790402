import { describe, expect, test } from 'vitest';
import { createOutbox } from './outbox.ts';

function createServer() {
  const sent: { readonly key: string; readonly settle: (outcome: 'taken' | 'lost') => void }[] = [];
  let isOpen = true;
  return {
    sent,
    keys: () => sent.map(({ key }) => key),
    setOpen(open: boolean) {
      isOpen = open;
    },
    send(key: string): Promise<void> | undefined {
      if (!isOpen) return undefined;
      return new Promise((resolve, reject) => {
        sent.push({ key, settle: (outcome) => (outcome === 'taken' ? resolve() : reject(new Error('lost'))) });
      });
    },
  };
}

/** Lets every settled promise be heard. */
const heard = () => new Promise((resolve) => setImmediate(resolve));

describe('an outbox', () => {
  test('sends a key once while it is on its way, and once more for all adds in the meantime', async () => {
    const server = createServer();
    const outbox = createOutbox(server.send, () => {});
    for (let count = 0; count < 5; count += 1) outbox.add('a', 'change');
    outbox.add('b', 'change');
    expect(server.keys()).toEqual(['a', 'b']);
    server.sent[0]?.settle('taken');
    await heard();
    expect(server.keys()).toEqual(['a', 'b', 'a']);
    server.sent[2]?.settle('taken');
    await heard();
    expect(server.keys()).toEqual(['a', 'b', 'a']);
  });

  test('gives back a key that the server did not take', async () => {
    const server = createServer();
    const lost: string[] = [];
    const outbox = createOutbox(server.send, (key, reason) => lost.push(`${key} ${reason}`));
    outbox.add('a', 'wake');
    server.sent[0]?.settle('lost');
    await heard();
    expect(lost).toEqual(['a wake']);
  });

  test('holds keys while there is no server, and hands them out or sends them later', async () => {
    const server = createServer();
    const outbox = createOutbox(server.send, () => {});
    server.setOpen(false);
    outbox.add('a', 'change');
    expect(outbox.drain()).toEqual([['a', 'change']]);
    outbox.add('b', 'change');
    server.setOpen(true);
    outbox.flush();
    expect(server.keys()).toEqual(['b']);
    expect(outbox.drain()).toEqual([]);
  });
});
