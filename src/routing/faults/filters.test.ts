import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DelayPart, Fault, FaultPlan } from './port.ts';
import { renderFault } from './render.ts';

interface FilterConfig {
  readonly headers: readonly { readonly string_match: { readonly safe_regex: { readonly regex: string } } }[];
  readonly response_rate_limit: { readonly percentage: { readonly numerator: number } };
  readonly delay: { readonly fixed_delay: string; readonly percentage: { readonly numerator: number } };
}

/** What the spread configures for each filter, in the order of the parts. */
const spread = (parts: readonly DelayPart[]) => configsOf({ kind: 'spread', parts }, 123_456);

function configsOf(fault: Fault, dosePpm: number): readonly FilterConfig[] {
  const plan: FaultPlan = {
    experiment: 'late',
    namespace: 'shop',
    target: { namespace: 'shop', service: 'ord', port: 80 },
    callers: null,
    headers: [],
    fault,
  };
  const fuse = { number: 1, uid: 'uid', expiresAt: 0, isOwner: true };
  const value = renderFault(plan, dosePpm, [fuse]).spec.configPatches?.[0]?.patch?.value;
  return Object.values((value as { typed_per_filter_config: Record<string, FilterConfig> }).typed_per_filter_config);
}

const IDS = Array.from({ length: 4096 }, (_, id) => id.toString(16).padStart(3, '0'));

const patternOf = ({ headers }: FilterConfig) => new RegExp(`^(?:${headers[0]?.string_match.safe_regex.regex})$`);

const percents = fc
  .array(fc.integer({ min: 1, max: 96 }), { minLength: 1, maxLength: 4 })
  .filter((most) => most.reduce((sum, share) => sum + share, 0) < 100)
  .map((most) => [...most, 100 - most.reduce((sum, share) => sum + share, 0)]);

describe('a spread of delays', () => {
  it('gives every request one part and no more, in the shares that are asked for', () => {
    fc.assert(
      fc.property(percents, (shares) => {
        const filters = spread(shares.map((percent, index) => ({ delayMs: index + 1, share: percent / 100 })));
        const patterns = filters.map(patternOf);
        const partsOf = IDS.map((id) =>
          patterns.flatMap((pattern, index) => (pattern.test(`${id}e4567-e89b-42d3-a456-426614174000`) ? [index] : [])),
        );
        expect(partsOf.filter(({ length }) => length !== 1)).toEqual([]);
        const counts = shares.map((_, index) => partsOf.filter(([part]) => part === index).length);
        for (const [index, count] of counts.entries()) {
          expect(Math.abs(count / IDS.length - (shares[index] ?? 0) / 100)).toBeLessThanOrEqual(1 / IDS.length);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('has the dose of the experiment in each part', () => {
    const filters = spread([
      { delayMs: 5, share: 0.9 },
      { delayMs: 1500, share: 0.1 },
    ]);
    expect(filters.map(({ delay }) => [delay.fixed_delay, delay.percentage.numerator])).toEqual([
      ['0.005s', 123_456],
      ['1.500s', 123_456],
    ]);
  });
});

describe('a thin line', () => {
  const thin = (dosePpm: number) => {
    const [config] = configsOf({ kind: 'bandwidth', kibPerSecond: 32 }, dosePpm);
    if (config === undefined) throw new Error('nothing is configured');
    return config;
  };

  it('is for the asked share of the requests, by their ids', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (dosePpm) => {
        const isMeant = patternOf(thin(dosePpm));
        const end = Math.round(dosePpm * 1.048_576);
        const id = (number: number) => `${number.toString(16).padStart(5, '0')}567-e89b-42d3-a456-426614174000`;
        const seen = [0, end - 1, end, 1_048_575].map((number) => isMeant.test(id(number)));
        expect(seen).toEqual([true, true, end > 1_048_575 && isMeant.test(id(end)), end > 1_048_575]);
      }),
    );
  });

  it('slows down all of them and marks all of them, or none', () => {
    const numerators = (dosePpm: number) => {
      const { delay, response_rate_limit: limit } = thin(dosePpm);
      return [delay.percentage.numerator, limit.percentage.numerator];
    };
    expect(numerators(1)).toEqual([1_000_000, 1_000_000]);
    expect(numerators(0)).toEqual([0, 0]);
  });
});
