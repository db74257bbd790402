import { describe, expect, it } from 'vitest';
import { hasEntries } from './has-entries.ts';

describe('hasEntries', () => {
  it.each([
    ['all of them, beside others', { app: 'web', tier: 'front' }, { app: 'web' }, true],
    ['one with another value', { app: 'web' }, { app: 'shop' }, false],
    ['one that is missing', { app: 'web' }, { app: 'web', tier: 'front' }, false],
    ['nothing wanted', {}, {}, true],
    ['no record, nothing wanted', undefined, {}, true],
    ['no record', undefined, { app: 'web' }, false],
  ])('%s', (_, record, wanted, has) => {
    expect(hasEntries(record, wanted)).toBe(has);
  });
});
