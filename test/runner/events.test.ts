import { describe, expect, it } from 'vitest';
import { decodeEvent, encodeEvent, type TestEvent } from './events.ts';

describe('an event line', () => {
  it('carries the event unchanged, line breaks included', () => {
    const event: TestEvent = { kind: 'logged', file: 'a.test.ts', text: 'one\ntwo' };
    expect(encodeEvent(event)).not.toContain('\n');
    expect(decodeEvent(encodeEvent(event))).toEqual(event);
  });

  it('is told from ordinary output', () => {
    expect(decodeEvent('{"kind":"logged"}')).toBeUndefined();
  });
});
