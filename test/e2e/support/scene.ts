import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ControllerProcess, startController } from '../../../lab/shop/controller-process.ts';
import type { RolloutSpecInput, ShopOptions } from '../../../lab/shop/manifests.ts';
import { restrictedKubeconfig } from '../../../lab/shop/service-account.ts';
import { createShop, type Shop } from '../../../lab/shop/shop.ts';
import type { Rollout } from '../../../src/api/rollout.ts';
import { createKube } from '../../../src/kube/client.ts';
import type { Kube } from '../../../src/kube/port.ts';
import { type Witness, witness } from './witness.ts';

/** A shop under load with its Rollout at rest, a controller that has just the rights of deploy/rbac.yaml, and somebody who watches. */
export interface Scene {
  readonly kube: Kube;
  readonly shop: Shop;
  readonly controller: ControllerProcess;
  readonly witness: Witness;
  close(): Promise<void>;
}

export interface SceneOptions extends ShopOptions {
  /** Port of the controller; scenes that exist at the same time need different ones. */
  readonly port?: number;
  readonly rollout?: RolloutSpecInput;
  /** Runs before the Rollout is created. */
  readonly prepare?: (shop: Shop) => Promise<void>;
}

const RBAC = fileURLToPath(new URL('../../../deploy/rbac.yaml', import.meta.url));

export async function openScene({ port = 9470, rollout, prepare, ...options }: SceneOptions): Promise<Scene> {
  const kube = createKube();
  const state = process.env['LAB_STATE_DIR'] ?? tmpdir();
  const kubeconfig = join(state, `sluice-${options.namespace}.kubeconfig`);
  await restrictedKubeconfig(kube, { admin: process.env['KUBECONFIG'] ?? '', rbac: RBAC, to: kubeconfig });
  const controller = await startController({
    logFile: join(state, `controller-${options.namespace}.log`),
    port,
    env: { KUBECONFIG: kubeconfig, WATCH_NAMESPACE: options.namespace, REDIS_URL: undefined },
  });
  const shop = createShop(kube, options);
  await shop.open();
  await prepare?.(shop);
  const watching = await witness(kube, options.namespace);
  await shop.addRollout(rollout);
  await shop.until('the Deployment is adopted', ({ status }) => status?.phase === 'Idle');
  return {
    kube,
    shop,
    controller,
    witness: watching,
    async close() {
      watching.stop();
      await shop.close();
      await controller.stop();
    },
  };
}

/** Releases a version and waits until that release is over; returns the Rollout and its newest history entry. */
export async function releaseToEnd(
  shop: Shop,
  version: string,
  behaviour: Readonly<Record<string, string>> = {},
): Promise<{
  readonly rollout: Rollout;
  readonly last: NonNullable<NonNullable<Rollout['status']>['history']>[number];
}> {
  const count = (await shop.rollout()).status?.history?.length ?? 0;
  await shop.release(version, behaviour);
  const rollout = await shop.until(
    `the release of ${version} is over`,
    ({ status }) => status?.phase === 'Idle' && (status.history?.length ?? 0) > count,
    300_000,
  );
  const last = rollout.status?.history?.at(-1);
  if (last === undefined) throw new Error('a finished release is not in the history');
  return { rollout, last };
}
