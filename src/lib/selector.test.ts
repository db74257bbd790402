import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSelector, SELECTOR_PATTERN } from './selector.ts';

describe('parseSelector', () => {
  it('gives the metric and its matchers', () => {
    const text = `jobs:failed_total{version="{{revision}}", path=~'/a.*', host!="b", zone!~\`c|d\`}`;
    expect(parseSelector(text)).toEqual({
      metric: 'jobs:failed_total',
      matchers: [
        { label: 'version', operator: '=', value: '{{revision}}' },
        { label: 'path', operator: '=~', value: '/a.*' },
        { label: 'host', operator: '!=', value: 'b' },
        { label: 'zone', operator: '!~', value: 'c|d' },
      ],
    });
  });

  it.each([
    ['up', []],
    [' up { } ', []],
    ['up{a="b",}', ['b']],
    ['up{a="}",b=",c=\'"}', ['}', ",c='"]],
    [String.raw`up{a="\"\\\n"}`, ['"\\\n']],
    [String.raw`up{a='it\'s'}`, ["it's"]],
    ['up{a=`\\d`}', ['\\d']],
    ['up{a=""}', ['']],
  ])('takes %s', (text, values) => {
    expect(parseSelector(text)?.matchers.map(({ value }) => value)).toEqual(values);
  });

  it.each([
    ...['', '{a="b"}', '1up', 'up{', 'up}', 'up{a}', 'up{a=b}', 'up{a="b}', 'up{a=="b"}', 'up{,}', 'up{a="b",,}'],
    ...['up{a="b" c="d"}', 'up{a-b="c"}', 'up{a:b="c"}', 'up{a="b"}[1m]', 'up offset 1m', 'rate(up)', 'up / up'],
    ...[String.raw`up{a="\d"}`, String.raw`up{a="\'"}`, 'up{a="b\nc"}', '{{service}}_up', 'up{{{revision}}="a"}'],
  ])('refuses %s', (text) => {
    expect(parseSelector(text)).toBeUndefined();
  });

  it('gives every value back that was written into it', () => {
    const matcher = fc.record({
      label: fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/),
      operator: fc.constantFrom('=' as const, '!=' as const, '=~' as const, '!~' as const),
      value: fc.string({ unit: 'grapheme' }),
    });
    fc.assert(
      fc.property(fc.array(matcher, { maxLength: 4 }), (matchers) => {
        const written = matchers.map(({ label, operator, value }) => {
          const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
          return `${label} ${operator} "${escaped}"`;
        });
        expect(parseSelector(`up{${written.join(' , ')}}`)).toEqual({ metric: 'up', matchers });
      }),
    );
  });

  it('takes long texts in linear time', () => {
    const text = `up{${'a="b",'.repeat(20_000)}`;
    expect(SELECTOR_PATTERN.test(text)).toBe(false);
  });
});
