import type { Interleaving } from './interleavings-report.ts';
import { type InterleavingShop, openInterleavingShop } from './interleavings-run.ts';
import { sceneOf } from './interleavings-scene.ts';

const FIRST_PORT = 9500;

export interface InterleavingsOptions {
  readonly runs: number;
  /** So many at the same time, each in a shop of its own. */
  readonly shops: number;
  readonly onRun: (run: Interleaving) => void;
}

/** Runs every scene in the next shop that is free. A run that comes to no end ends its shop's work, and the others go on. */
export async function runInterleavings({ runs, shops, onRun }: InterleavingsOptions): Promise<void> {
  const waiting = Array.from({ length: runs }, (_, index) => sceneOf(index + 1));
  const open: InterleavingShop[] = [];
  try {
    for (let shop = 1; shop <= Math.min(shops, runs); shop += 1) {
      open.push(await openInterleavingShop(`bench-both-${shop}`, FIRST_PORT + shop));
    }
    const ends = await Promise.allSettled(
      open.map(async (shop) => {
        for (let scene = waiting.shift(); scene !== undefined; scene = waiting.shift()) onRun(await shop.run(scene));
      }),
    );
    const problems = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    if (problems.length > 0) throw new AggregateError(problems, problems.map(String).join('; '));
  } finally {
    await Promise.allSettled(open.map((shop) => shop.close()));
  }
}
