import { readFile } from 'node:fs/promises';
import type { LabPaths } from '../paths.ts';
import { type ControlClient, controlClient } from './control-client.ts';
import { isAlive, type NamespaceProcess } from './namespaces.ts';

/** Process ids of a lab as its launcher wrote them down. */
export interface LabProcesses {
  /** The unshare process; killing it ends the lab at once. */
  readonly unshare: NamespaceProcess;
  /** The first process inside the namespaces. */
  readonly init: NamespaceProcess;
}

/** A lab whose first process is alive. */
export interface RunningLab {
  readonly paths: LabPaths;
  readonly processes: LabProcesses;
  readonly control: ControlClient;
}

/** The running lab of these paths, or undefined when there is none. */
export async function findRunningLab(paths: LabPaths): Promise<RunningLab | undefined> {
  const text = await readFile(paths.processes, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const processes = JSON.parse(text) as LabProcesses;
  if (!isAlive(processes.init)) return undefined;
  return { paths, processes, control: controlClient(paths.socket) };
}
