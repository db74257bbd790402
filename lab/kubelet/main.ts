import { createServer } from 'node:http';
import { isIP } from 'node:net';
import { createKube } from '../../src/kube/client.ts';
import type { Kube } from '../../src/kube/port.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createAddressPool } from './address-pool.ts';
import { type Kubelet, startKubelet } from './kubelet.ts';
import { type NodeRegistration, registerNode } from './node.ts';
import { applySidecarDefaults } from './sidecar-defaults.ts';

const HEALTH_PORT = 10_250;
const HOST_IP = '10.244.0.1';
const DEFAULTS_RETRY_MS = 1_000;

const log = (message: string) => console.error(`${new Date().toISOString()} ${message}`);

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; the lab's supervisor sets it (see lab/kubelet/README.md)`);
  return value;
}

function serveHealth(kubelet: Kubelet, node: NodeRegistration): void {
  const server = createServer((_request, response) => {
    const problem = node.isAlive()
      ? kubelet.isFresh()
        ? undefined
        : 'the pods that it sees are stale'
      : 'the node lease is not renewed';
    response.writeHead(problem ? 503 : 200, { 'content-type': 'text/plain' });
    response.end(problem ?? `ok, ${kubelet.podCount()} pods\n`);
  });
  server.listen(HEALTH_PORT, '127.0.0.1');
}

async function ensureSidecarDefaults(kube: Kube): Promise<void> {
  let lastMessage = '';
  for (;;) {
    try {
      return await applySidecarDefaults(kube);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== lastMessage) log(`applying the sidecar defaults, which needs Istio's kinds: ${message}`);
      lastMessage = message;
      await systemClock.sleep(DEFAULTS_RETRY_MS);
    }
  }
}

async function main(): Promise<void> {
  const kube = createKube({ kubeconfigPath: required('KUBECONFIG'), userAgent: 'lab-kubelet' });
  const nodeName = process.env['LAB_NODE'] ?? 'lab';
  const hostIp = process.env['LAB_HOST_IP'] ?? HOST_IP;
  if (isIP(hostIp) === 0) throw new Error(`LAB_HOST_IP is not an address: ${hostIp}`);
  const controller = new AbortController();
  // The containers' processes carry a parent-death signal: they end with this process, however it ends.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));

  const node = registerNode({ kube, clock: systemClock, name: nodeName, hostIp }, log, controller.signal);
  await node.registered;
  const options = {
    ...{ kube, clock: systemClock, log, nodeName, hostIp },
    addresses: createAddressPool(),
    stateDirectory: required('LAB_STATE_DIR'),
    envoy: process.env['LAB_ENVOY'],
    xds: process.env['LAB_XDS'] ?? '127.0.0.1:15010',
    path: process.env['PATH'] ?? '/usr/bin:/bin',
  };
  serveHealth(startKubelet(options, controller.signal), node);
  if (options.envoy) await ensureSidecarDefaults(kube);
}

await main();
