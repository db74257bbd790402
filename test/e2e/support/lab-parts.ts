import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { controlClient } from '../../../lab/launch/control-client.ts';
import type { PartStatus } from '../../../lab/supervisor/part-process.ts';

/** The parts of the lab that the test runs in, for outages. */
export interface LabParts {
  /** Resolves when its process is gone; its data stays. */
  stop(name: PartName): Promise<PartStatus>;
  /** Resolves when it is ready. */
  start(name: PartName): Promise<PartStatus>;
  restart(name: PartName): Promise<PartStatus>;
}

/** The parts whose outages are tested. */
export type PartName = 'prometheus' | 'redis' | 'istiod' | 'kube-apiserver' | 'kube-controller-manager';

/** The lab around this process. */
export function labParts(): LabParts {
  const control = controlClient(join(labState(), 'control.sock'));
  return {
    stop: (name) => control.part(name, 'stop'),
    start: (name) => control.part(name, 'start'),
    restart: (name) => control.part(name, 'restart'),
  };
}

/** Where what a test leaves for people to read goes, such as a controller's log. */
export function logFileOf(name: string): string {
  const folder = join(labState(), 'logs');
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.log`);
}

/** Folder of the lab's state. */
export function labState(): string {
  const state = process.env['LAB_STATE_DIR'];
  if (state === undefined) throw new Error('LAB_STATE_DIR is not set: this test runs inside a lab only');
  return state;
}
