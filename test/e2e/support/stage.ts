import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RolloutSpecInput, ShopOptions } from '../../../lab/shop/manifests.ts';
import { restrictedKubeconfig } from '../../../lab/shop/service-account.ts';
import { createShop, type Shop } from '../../../lab/shop/shop.ts';
import type { Rollout } from '../../../src/api/rollout.ts';
import { createKube } from '../../../src/kube/client.ts';
import type { Kube } from '../../../src/kube/port.ts';
import { type Chronicle, openChronicle } from './chronicle.ts';
import { labState } from './lab-parts.ts';

/** A shop under load and the chronicle of its namespace; controllers and the Rollout are the test's business. */
export interface Stage {
  readonly kube: Kube;
  readonly shop: Shop;
  readonly chronicle: Chronicle;
  /** Begins a release; `over` resolves with its end. */
  release(version: string, behaviour?: Readonly<Record<string, string>>): Promise<RunningRelease>;
  /** Removes the namespace; a controller must still run, because it has to let go of the Rollout. */
  close(): Promise<void>;
}

export interface RunningRelease {
  readonly version: string;
  readonly startedAtMs: number;
  /** Resolves when the Rollout is at rest again. */
  over(withinMs?: number): Promise<EndedRelease>;
}

export interface EndedRelease {
  readonly outcome: string;
  readonly reason: string;
  readonly message: string;
  readonly revision: string;
  readonly seconds: number;
  readonly rollout: Rollout;
}

export type StageOptions = ShopOptions & { readonly rate: number };

const OVER_WITHIN_MS = 240_000;

export async function openStage(options: StageOptions): Promise<Stage> {
  const kube = createKube();
  const shop = createShop(kube, options);
  await shop.open();
  const chronicle = await openChronicle(kube, options.namespace);
  return {
    kube,
    shop,
    chronicle,
    async release(version, behaviour) {
      // History is of limited length, so its newest entry tells, not how many there are.
      const newest = ({ status }: Rollout) => status?.history?.at(-1)?.startedAt;
      const before = newest(await shop.rollout());
      const startedAtMs = Date.now();
      await shop.release(version, behaviour);
      const isOver = (rollout: Rollout) => rollout.status?.phase === 'Idle' && newest(rollout) !== before;
      return {
        version,
        startedAtMs,
        over: async (withinMs = OVER_WITHIN_MS) => {
          const rollout = await shop.until(`the release of ${version} is over`, isOver, withinMs);
          const last = rollout.status?.history?.at(-1);
          if (last === undefined) throw new Error(`the release of ${version} is not in the history`);
          const { outcome, reason = '', message = '', revision } = last;
          return { outcome, reason, message, revision, seconds: (Date.now() - startedAtMs) / 1000, rollout };
        },
      };
    },
    async close() {
      chronicle.close();
      await shop.close();
    },
  };
}

/** A kubeconfig with just the rights of deploy/rbac.yaml. */
export async function controllerKubeconfig(name: string): Promise<string> {
  const rbac = fileURLToPath(new URL('../../../deploy/rbac.yaml', import.meta.url));
  const to = join(labState(), `${name}.kubeconfig`);
  return await restrictedKubeconfig(createKube(), { admin: process.env['KUBECONFIG'] ?? '', rbac, to });
}

/** A kubeconfig with just the rights of deploy/reaper.yaml. */
export async function reaperKubeconfig(name: string): Promise<string> {
  const rbac = fileURLToPath(new URL('../../../deploy/reaper.yaml', import.meta.url));
  const to = join(labState(), `${name}.kubeconfig`);
  const admin = process.env['KUBECONFIG'] ?? '';
  return await restrictedKubeconfig(createKube(), { admin, rbac, account: 'sluice-reaper', to });
}

/** A short release: three steps, and holds that show a wrong step without taking long. */
export const SHORT_RELEASE: RolloutSpecInput = {
  steps: [{ weight: 10, hold: '3s' }, { weight: 50, hold: '3s' }, { weight: 100 }],
  analysis: { bake: '4s', minRequests: 20 },
};

/** Lets time pass while something is watched: for what must not happen there is no condition to wait for. */
export async function watchFor(durationMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, durationMs));
}
