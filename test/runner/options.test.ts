import { describe, expect, it } from 'vitest';
import { parseOptions, usage } from './options.ts';
import { tiers } from './tiers.ts';

describe('the options of a test run', () => {
  it('choose all tiers by default', () => {
    expect(parseOptions([])).toEqual({ kind: 'run', tiers: tiers.map((tier) => tier.name), filter: undefined });
  });

  it('leave a tier out', () => {
    expect(parseOptions(['--without', 'lab'])).toMatchObject({
      kind: 'run',
      tiers: expect.not.arrayContaining(['lab']),
    });
  });

  it('choose single tiers in the order in which they run', () => {
    expect(parseOptions(['--only', 'golden', '--only', 'unit'])).toMatchObject({ tiers: ['unit', 'golden'] });
  });

  it('are refused with the names that exist when a tier is unknown', () => {
    expect(parseOptions(['--only', 'units'])).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('there is no tier "units"; tiers are tidy, unit'),
    });
  });

  it('are refused when they leave nothing to run', () => {
    expect(parseOptions(['--only', 'unit', '--without', 'unit'])).toMatchObject({ kind: 'refused' });
  });

  it('are refused when one is unknown', () => {
    expect(parseOptions(['--onyl', 'unit'])).toMatchObject({ kind: 'refused' });
  });

  it('are explained with every tier', () => {
    for (const tier of tiers) expect(usage()).toContain(`  ${tier.name} `);
  });
});
