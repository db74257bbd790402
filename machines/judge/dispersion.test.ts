import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MOST_DISPERSION, measureDispersion, type PastBatch } from './dispersion.ts';

const BATCH_MS = 5000;

function past(failuresOf: (index: number) => number, batches = 720, requests = 500): readonly PastBatch[] {
  return Array.from({ length: batches }, (_, i) => ({ at: (i + 1) * BATCH_MS, requests, failures: failuresOf(i) }));
}

/** A fixed sequence without memory; only its spread matters. */
function scrambled(index: number): number {
  const mixed = Math.imul(index + 1, 0x9e3779b1) ^ (Math.imul(index + 1, 0x85ebca6b) >>> 13);
  return ((mixed >>> 8) % 1000) / 1000;
}

describe('the dispersion of failures', () => {
  it('is 1 where too little failed or too little was seen', () => {
    expect(measureDispersion([])).toEqual({ dispersion: 1, measured: 1, tooBursty: false });
    expect(measureDispersion(past(() => 0)).dispersion).toBe(1);
    expect(measureDispersion(past((i) => (i === 0 ? 400 : 0), 2)).dispersion).toBe(1);
  });

  it('is about 1 where failures come alone', () => {
    expect(measureDispersion(past((i) => (scrambled(i) < 0.1 ? 1 : 0))).dispersion).toBeLessThan(1.6);
  });

  it('is about the size of the clumps in which they come', () => {
    const { dispersion } = measureDispersion(past((i) => (scrambled(i) < 0.1 ? 5 : 0)));
    expect(dispersion).toBeGreaterThan(3.5);
    expect(dispersion).toBeLessThan(8);
  });

  it('sees what only wanders over minutes', () => {
    const wandering = past((i) => (Math.floor(i / 120) % 2 === 0 ? 2 : 0));
    expect(measureDispersion(wandering).dispersion).toBeGreaterThan(10);
  });

  it('is limited, and says so', () => {
    const bursts = past((i) => (scrambled(i) < 0.1 ? 45 : 0));
    const { dispersion, measured, tooBursty } = measureDispersion(bursts);
    expect(dispersion).toBe(MOST_DISPERSION);
    expect(measured).toBeGreaterThan(MOST_DISPERSION);
    expect(tooBursty).toBe(true);
  });

  it('does not count an outage, which is no clump', () => {
    const quiet = (i: number) => (scrambled(i) < 0.1 ? 1 : 0);
    const usual = measureDispersion(past(quiet)).dispersion;
    const { dispersion } = measureDispersion(past((i) => (i > 600 && i < 661 ? 250 : quiet(i))));
    expect(dispersion).toBeLessThan(usual * 1.2);
  });

  it('counts clumps of a service with few requests, which are no outages', () => {
    const clumps = past((i) => (i % 200 === 0 ? 2 : 0)).map((batch) => ({ ...batch, requests: 5 }));
    expect(measureDispersion(clumps).dispersion).toBeGreaterThan(1.5);
  });

  it('is a finite number from 1 to the limit for any past', () => {
    const batch = fc.record({ at: fc.nat(), requests: fc.nat(1000), failures: fc.nat(1000) });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 60 }), (batches) => {
        const { dispersion } = measureDispersion(batches);
        expect(dispersion).toBeGreaterThanOrEqual(1);
        expect(dispersion).toBeLessThanOrEqual(MOST_DISPERSION);
      }),
    );
  });
});
