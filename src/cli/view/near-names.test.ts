import { describe, expect, it } from 'vitest';
import { nearNames } from './near-names.ts';

const names = ['checkout', 'cart', 'catalogue', 'payments', 'payments-eu'];

describe('the names that may have been meant', () => {
  it.each([
    ['chekout', ['checkout']],
    ['carts', ['cart']],
    ['payment', ['payments', 'payments-eu']],
    ['frontdoor', []],
  ])('by %s are %j', (wanted, near) => expect(nearNames(wanted, names)).toEqual(near));

  it('are at most three', () => {
    expect(nearNames('a1', ['a2', 'a3', 'a4', 'a5'])).toEqual(['a2', 'a3', 'a4']);
  });
});
