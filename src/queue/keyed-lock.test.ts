import { expect, test } from 'vitest';
import { createKeyedLock } from './keyed-lock.ts';

test('work on one key follows in order, failures included, while other keys go on', async () => {
  const lock = createKeyedLock();
  const story: string[] = [];
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const first = lock('a', async () => {
    story.push('first begins');
    await held;
    story.push('first fails');
    throw new Error('no');
  });
  const second = lock('a', async () => {
    story.push('second');
    return 2;
  });
  await lock('b', async () => story.push('other key'));
  release();
  await expect(first).rejects.toThrow('no');
  expect(await second).toBe(2);
  expect(story).toEqual(['first begins', 'other key', 'first fails', 'second']);
});
