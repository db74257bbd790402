import { setTimeout as delay } from 'node:timers/promises';
import { withLock } from '../parts/lock.ts';
import { labPaths } from '../paths.ts';
import { isAlive } from './namespaces.ts';
import { findRunningLab } from './running-lab.ts';
import { killLab } from './start-lab.ts';

/** The supervisor stops its parts politely for some seconds; after this it is killed. */
const POLITE_MS = 8_000;
const POLL_MS = 50;

/** Stops the lab called `name` and resolves when nothing of it is left; false when none ran. */
export function stopLab(name: string): Promise<boolean> {
  const paths = labPaths(name);
  return withLock(`lab ${paths.state}`, {}, async () => {
    const lab = await findRunningLab(paths);
    if (!lab) return false;
    const deadlineMs = performance.now() + POLITE_MS;
    const asked = await lab.control.shutdown().then(
      () => true,
      () => false,
    );
    while (asked && isAlive(lab.processes.init) && performance.now() < deadlineMs) await delay(POLL_MS);
    await killLab(lab);
    return true;
  });
}
