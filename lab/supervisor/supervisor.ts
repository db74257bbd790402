import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../lab-error.ts';
import { LAB_FOLDER, labPaths } from '../paths.ts';
import { apiClient } from './api-client.ts';
import { applyDefinitions } from './bootstrap.ts';
import { type ComponentName, components, type GeneratedFiles } from './components.ts';
import type { SupervisorConfig } from './config.ts';
import type { LabPhase, LabStatus, PartAction } from './control-protocol.ts';
import { MESH_CONFIG } from './mesh-objects.ts';
import { PartProcess, type PartStatus } from './part-process.ts';
import { createPki, kubeconfigOf } from './pki.ts';
import { discoverPods } from './pod-discovery.ts';
import { prometheusConfig } from './prometheus-config.ts';

/** Owns the parts of one lab: starts them in the order of their dependencies and answers for them. */
export class Supervisor {
  readonly #config: SupervisorConfig;
  readonly #startedAtMs = performance.now();
  readonly #startedAt = new Date().toISOString();
  readonly #parts = new Map<string, PartProcess>();
  readonly #notes: string[] = [];
  readonly #steps: Record<string, number> = {};
  #phase: LabPhase = 'starting';
  #message: string | undefined;
  #readyMs: number | undefined;

  constructor(config: SupervisorConfig) {
    this.#config = config;
  }

  status(): LabStatus {
    return {
      name: this.#config.name,
      phase: this.#phase,
      message: this.#message,
      startedAt: this.#startedAt,
      readyMs: this.#readyMs,
      scrapeIntervalSeconds: this.#config.scrapeIntervalSeconds,
      notes: this.#notes,
      parts: [...this.#parts.values()].map((part) => part.status()),
      steps: this.#steps,
    };
  }

  /** Starts everything; afterwards the phase is `ready`, or `failed` with the reason as message. */
  async start(): Promise<void> {
    try {
      await this.#startParts(await this.#timed('files', () => this.#generateFiles()));
      if (this.#phase !== 'starting') return;
      this.#readyMs = Math.round(performance.now() - this.#startedAtMs);
      this.#phase = 'ready';
    } catch (error) {
      if (this.#phase !== 'starting') return;
      this.#message = messageOf(error);
      this.#phase = 'failed';
    }
  }

  /** Does what the control socket asks; undefined when there is no such part. */
  async act(name: string, action: PartAction): Promise<PartStatus | undefined> {
    const part = this.#parts.get(name);
    if (!part) return undefined;
    if (action !== 'start') await part.stop();
    if (action !== 'stop') await part.start();
    return part.status();
  }

  async stop(): Promise<void> {
    this.#phase = 'stopping';
    await Promise.all([...this.#parts.values()].map((part) => part.stop()));
  }

  async #generateFiles(): Promise<GeneratedFiles> {
    const { state, scrapeIntervalSeconds } = this.#config;
    await Promise.all(
      ['redis', 'prometheus', 'targets'].map((folder) => mkdir(join(state, folder), { recursive: true })),
    );
    const generated = {
      pki: await createPki(join(state, 'pki')),
      kubeconfig: join(state, 'kubeconfig'),
      meshConfig: join(state, 'mesh.yaml'),
      prometheusConfig: join(state, 'prometheus.yml'),
      targetsFile: join(state, 'targets/pods.json'),
    };
    const { kubeconfig, targetsFile } = generated;
    await writeFile(kubeconfig, kubeconfigOf(generated.pki), { mode: 0o600 });
    await writeFile(generated.meshConfig, MESH_CONFIG);
    await writeFile(generated.prometheusConfig, prometheusConfig({ scrapeIntervalSeconds, targetsFile }));
    return generated;
  }

  async #startParts(generated: GeneratedFiles): Promise<void> {
    const commands = components(this.#config, generated);
    for (const [name, command] of Object.entries(commands)) {
      if (name === 'kubelet' && !existsSync(join(LAB_FOLDER, 'kubelet/main.ts'))) {
        this.#notes.push('kubelet: left out, there is no lab/kubelet/main.ts');
      } else this.#parts.set(name, new PartProcess(command));
    }
    const start = (name: ComponentName) => this.#parts.get(name)?.start();
    const cluster = async () => {
      await start('etcd');
      await start('kube-apiserver');
      void discoverPods(apiClient(generated.pki), generated.targetsFile);
      await Promise.all([start('kube-controller-manager'), this.#startMesh(generated, start), start('kubelet')]);
    };
    await Promise.all([cluster(), start('redis'), start('prometheus')]);
  }

  async #startMesh(
    generated: GeneratedFiles,
    start: (name: ComponentName) => Promise<void> | undefined,
  ): Promise<void> {
    // istiod says that it is ready before it has read kinds that appear later.
    await this.#timed('definitions', () => applyDefinitions(apiClient(generated.pki), this.#config.files.istioCrds));
    await start('istiod');
  }

  async #timed<T>(step: string, work: () => Promise<T>): Promise<T> {
    const startedAtMs = performance.now();
    const result = await work();
    this.#steps[step] = Math.round(performance.now() - startedAtMs);
    return result;
  }
}

/** Where the supervisor of `config` listens. */
export function controlSocketOf(config: SupervisorConfig): string {
  return labPaths(config.name, { ...process.env, SLUICE_LAB_STATE: join(config.state, '..') }).socket;
}
