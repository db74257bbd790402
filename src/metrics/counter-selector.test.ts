import { describe, expect, it } from 'vitest';
import { fillSelector, matcherText, matchTest, quotable } from './counter-selector.ts';

const subject = { namespace: 'shop', service: 'pay.v1' };
const fill = (text: string) => fillSelector(text, subject, 'aa+b');

describe('a selector is filled', () => {
  it('in its templated matchers only, with blanks in the braces or without', () => {
    const selector = fill('orders{job="x",version="{{revision}}",svc="{{ service }}-{{namespace}}"}');
    expect(selector).toEqual({
      metric: 'orders',
      fixed: [{ label: 'job', operator: '=', value: 'x' }],
      filled: [
        { label: 'version', operator: '=', value: 'aa+b' },
        { label: 'svc', operator: '=', value: 'pay.v1-shop' },
      ],
    });
  });

  it('with the literal escaped where it is part of a pattern', () => {
    expect(fill('orders{pod=~"{{service}}-{{revision}}-.*"}')?.filled).toEqual([
      { label: 'pod', operator: '=~', value: 'pay\\.v1-aa\\+b-.*' },
    ]);
  });

  it.each(['rate(orders{version="{{revision}}"}[5m])', '', 'orders{version="{{revision}}"'])(
    'not when %j is none',
    (text) => {
      expect(fill(text)).toBeUndefined();
    },
  );

  it('and written again as the source reads it', () => {
    expect(matcherText([{ label: 'a', operator: '!=', value: 'q"\\\n' }])).toBe('a!="q\\"\\\\\\n"');
    expect(quotable('plain')).toBe('plain');
  });
});

describe('a matcher', () => {
  it.each([
    ['=', 'aa', { version: 'aa' }, true],
    ['=', 'aa', { version: 'aab' }, false],
    ['=', '', {}, true],
    ['!=', 'aa', {}, true],
    ['!=', 'aa', { version: 'aa' }, false],
    ['=~', 'a|b', { version: 'b' }, true],
    ['=~', 'a|b', { version: 'ab' }, false],
    ['=~', 'a.c', { version: 'a\nc' }, true],
    ['!~', 'a|b', { version: 'ab' }, true],
    ['!~', '.*', {}, false],
  ] as const)('%s %j on %j is %s', (operator, value, labels, expected) => {
    expect(matchTest({ label: 'version', operator, value })?.(labels)).toBe(expected);
  });

  it.each(['(?i)a', '^a$', '[[:alpha:]]', '\\pL', '\\Qa\\E', 'a(', '\\z'])(
    'of pattern %j is left to the source',
    (value) => {
      expect(matchTest({ label: 'version', operator: '=~', value })).toBeUndefined();
    },
  );
});
