import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { LabError } from '../lab-error.ts';
import { ADDRESSES } from '../paths.ts';
import type { Pki } from './pki.ts';

/** As much of an API object as creating it takes. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** The few requests that the supervisor itself makes of the API server, as administrator. */
export interface ApiClient {
  /** The JSON at a path. */
  readonly read: (path: string) => Promise<unknown>;
  /** Creates an object in the collection at `path`. */
  readonly create: (path: string, object: ApiObject) => Promise<void>;
  /** The open answer of a watch. */
  readonly open: (path: string) => Promise<IncomingMessage>;
}

/** A client for the lab's API server; every answer other than success is a LabError with the server's message. */
export function apiClient(pki: Pki): ApiClient {
  const [ca, cert, key] = [pki.caCert, pki.adminCert, pki.adminKey].map((file) => readFileSync(file));
  const agent = new Agent({ keepAlive: true, maxSockets: 8, ca, cert, key });
  const send = (method: string, path: string, body?: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const asking = request(ADDRESSES.apiServer + path, { method, agent, headers }, (response) => {
        if ((response.statusCode ?? 500) < 300) return resolve(response);
        const refuse = (text: string) =>
          reject(new LabError(`${method} ${path} answered ${response.statusCode}: ${text.slice(0, 500)}`));
        textOf(response).then(refuse, reject);
      });
      asking.on('error', reject);
      asking.end(body);
    });
  return {
    read: async (path) => JSON.parse(await textOf(await send('GET', path))),
    create: async (path, object) => {
      await textOf(await send('POST', path, JSON.stringify(object)));
    },
    open: (path) => send('GET', path),
  };
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const bytes of response) chunks.push(bytes as Buffer);
  return Buffer.concat(chunks).toString();
}
