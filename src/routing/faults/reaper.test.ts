import { expect, it } from 'vitest';
import { createFakeKube } from '../../../test/support/fake-kube.ts';
import { SAMPLE_FAULT } from '../../../test/support/sample-fault.ts';
import { SteppedClock } from '../../../test/support/stepped-clock.ts';
import { kinds } from '../../kube/kinds.ts';
import type { Kube } from '../../kube/port.ts';
import { createFaults } from './faults.ts';
import { createReaper } from './reaper.ts';

const START = Date.UTC(2026, 0, 1);
const FUSE_S = 20;

it('looks twice a second through an outage, tells its begin and end once, and ends with its signal', async () => {
  const clock = new SteppedClock(START);
  const kube = createFakeKube({ now: () => clock.now() });
  const faults = createFaults(kube);
  await faults.lightFuse(SAMPLE_FAULT, { number: 1, seconds: FUSE_S });
  await faults.write(SAMPLE_FAULT, 1, [1], await faults.read(SAMPLE_FAULT));
  let isAway = false;
  const shaky: Kube = { ...kube, list: (...args) => (isAway ? Promise.reject(new Error('away')) : kube.list(...args)) };
  const told: string[] = [];
  const tell = (_fields: object, message: string) => void told.push(message);
  const log = { debug: tell, info: tell, warn: tell, error: tell };
  const reaped: string[] = [];
  const reaper = createReaper({ kube: shaky, clock, log, onReaped: (object) => reaped.push(object) });
  const stop = new AbortController();
  expect(reaper.unready()).toContain('not yet');
  const ended = reaper.run(stop.signal);
  await clock.advance(1);
  expect(reaper.unready()).toBeNull();

  isAway = true;
  await clock.advance(15_000);
  expect(reaper.unready()).toContain('away');
  expect(told).toEqual(['cannot look']);
  isAway = false;
  await clock.advance(2_000);
  expect(reaper.unready()).toBeNull();
  expect(told).toEqual(['cannot look', 'looks again']);

  await clock.advance(5_000);
  expect(reaped).toEqual(['EnvoyFilter shop/sluice-late', 'Job shop/late-fuse-1']);
  expect([...kube.all(kinds.envoyFilter), ...kube.all(kinds.job)]).toEqual([]);
  stop.abort();
  await ended;
});
