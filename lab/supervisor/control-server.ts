import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { messageOf } from '../lab-error.ts';
import { type LabStatus, PART_ACTIONS, type PartAction } from './control-protocol.ts';
import type { PartStatus } from './part-process.ts';

/** What the control socket can ask of the supervisor. */
export interface ControlHandlers {
  readonly status: () => LabStatus;
  /** Resolves when the action is complete: stopped, or ready again. Undefined: there is no such part. */
  readonly part: (name: string, action: PartAction) => Promise<PartStatus | undefined>;
  /** Called after the answer is sent. */
  readonly shutdown: () => void;
}

/**
 * Serves the control socket: `GET /status`, `POST /parts/NAME/{stop,start,restart}`, `POST /shutdown`.
 * Errors answer `{"error": "…"}` with 404 (no such thing) or 500 (the action failed).
 */
export function serveControl(socketPath: string, handlers: ControlHandlers): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request, response, handlers).catch((error: unknown) => send(response, 500, { error: messageOf(error) }));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => resolve(server));
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, handlers: ControlHandlers): Promise<void> {
  const path = (request.url ?? '/').split('/').slice(1);
  if (request.method === 'GET' && path[0] === 'status') return send(response, 200, handlers.status());
  if (request.method === 'POST' && path[0] === 'shutdown') {
    response.once('finish', handlers.shutdown);
    return send(response, 202, {});
  }
  const action = PART_ACTIONS.find((one) => one === path[2]);
  if (request.method === 'POST' && path[0] === 'parts' && path[1] && action) {
    const status = await handlers.part(path[1], action);
    if (status) return send(response, 200, status);
    const names = handlers.status().parts.map((part) => part.name);
    return send(response, 404, { error: `this lab has no part "${path[1]}"; it has ${names.join(', ')}` });
  }
  return send(response, 404, { error: `${request.method} ${request.url} is not part of the control protocol` });
}

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
