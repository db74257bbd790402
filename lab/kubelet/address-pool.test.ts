import { describe, expect, it } from 'vitest';
import { createAddressPool } from './address-pool.ts';

describe('the pool of pod addresses', () => {
  it('gives each pod its own address and proxy port, outside 10.244.0.0/24', () => {
    const pool = createAddressPool();
    const taken = Array.from({ length: 600 }, (_, index) => pool.take(`pod-${index}`, 0));
    expect(new Set(taken.map(({ ip }) => ip)).size).toBe(600);
    expect(new Set(taken.map(({ proxyPort }) => proxyPort)).size).toBe(600);
    expect(taken.filter(({ ip }) => /^10\.244\.0\.|\.0$|\.255$/.test(ip))).toEqual([]);
    expect(taken[0]?.ip).toBe('10.244.1.1');
    expect(taken[254]?.ip).toBe('10.244.2.1');
  });

  it('gives a pod that asks again the same address', () => {
    const pool = createAddressPool();
    expect(pool.take('a', 0)).toEqual(pool.take('a', 1));
  });

  it('uses an address again only when the pod has been gone for a while', () => {
    const pool = createAddressPool(1);
    const first = pool.take('a', 0);
    pool.release('a', 1_000);
    expect(() => pool.take('b', 2_000)).toThrow('held or in quarantine');
    expect(pool.take('b', 301_000)).toEqual(first);
  });

  it('gives a pod back the address that it had', () => {
    const pool = createAddressPool();
    expect(pool.reserve('a', '10.244.3.7')).toBe(true);
    expect(pool.take('a', 0).ip).toBe('10.244.3.7');
    expect(pool.take('b', 0).ip).toBe('10.244.3.8');
  });

  it('reserves neither a foreign address nor one that is held', () => {
    const pool = createAddressPool();
    pool.take('a', 0);
    expect(pool.reserve('b', '10.244.1.1')).toBe(false);
    expect(pool.reserve('b', '10.244.0.1')).toBe(false);
    expect(pool.reserve('b', '192.168.1.1')).toBe(false);
  });
});
