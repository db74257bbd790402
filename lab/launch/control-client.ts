import { request } from 'node:http';
import { LabError, messageOf } from '../lab-error.ts';
import type { LabStatus, PartAction } from '../supervisor/control-protocol.ts';
import type { PartStatus } from '../supervisor/part-process.ts';

/** The other end of a lab's control socket. */
export interface ControlClient {
  readonly status: () => Promise<LabStatus>;
  /** Resolves when the part is stopped, or ready again. */
  readonly part: (name: string, action: PartAction) => Promise<PartStatus>;
  /** Resolves when the supervisor has begun to stop. */
  readonly shutdown: () => Promise<void>;
}

/** Talks to the supervisor at `socketPath`; every error is a LabError. */
export function controlClient(socketPath: string): ControlClient {
  return {
    status: async () => (await ask(socketPath, 'GET', '/status')) as LabStatus,
    part: async (name, action) =>
      (await ask(socketPath, 'POST', `/parts/${encodeURIComponent(name)}/${action}`)) as PartStatus,
    shutdown: async () => {
      await ask(socketPath, 'POST', '/shutdown');
    },
  };
}

function ask(socketPath: string, method: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(new LabError(`the lab's supervisor does not answer at ${socketPath}: ${messageOf(cause)}`, { cause }));
    const asking = request({ socketPath, method, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (bytes: Buffer) => chunks.push(bytes));
      response.on('error', fail);
      response.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as { readonly error?: string };
        if ((response.statusCode ?? 500) < 300) resolve(body);
        else reject(new LabError(body.error ?? `the supervisor answered ${response.statusCode}`));
      });
    });
    asking.on('error', fail);
    asking.end();
  });
}
