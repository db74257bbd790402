import { describe, expect, it } from 'vitest';
import { cut, table, width, wrapped } from './table.ts';

const red = (text: string) => `\u001b[31m${text}\u001b[39m`;

describe('a table', () => {
  it('has columns as wide as their widest cell and nothing after the last one', () => {
    expect(
      table([
        ['NAME', 'X', 'WHY'],
        ['checkout', '1', ''],
        ['a', '22', 'because'],
      ]),
    ).toEqual(['NAME       X    WHY', 'checkout   1', 'a          22   because']);
  });

  it('does not count colours', () => {
    expect(
      table([
        [red('ab'), 'x'],
        ['abcd', 'y'],
      ]),
    ).toEqual([`${red('ab')}     x`, 'abcd   y']);
  });
});

describe('a line that is cut', () => {
  it('stays as it is where it fits', () => expect(cut('abcdef', 6)).toBe('abcdef'));

  it('ends with an ellipsis where it does not', () => expect(cut('abcdef', 5)).toBe('abcd…'));

  it('keeps its colours whole', () => {
    const line = cut(`${red('abc')}def`, 3);
    expect(line).toBe(`${red('ab')}…`);
    expect(width(line)).toBe(3);
  });
});

describe('wrapped text', () => {
  it('breaks between words and indents what follows', () => {
    expect(wrapped('one two three four', 10)).toEqual(['one two', '  three', '  four']);
  });

  it('keeps the indent of its first line', () => {
    expect(wrapped('  one two three', 10)).toEqual(['  one two', '    three']);
  });

  it('lets a long word stand by itself', () => {
    expect(wrapped('a incomprehensibilities b', 8)).toEqual(['a', '  incomprehensibilities', '  b']);
  });
});
