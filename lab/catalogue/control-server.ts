import { createServer, type IncomingMessage, type Server } from 'node:http';

export interface ControlRequest {
  /** Method and path, such as `PUT /rate`. */
  readonly route: string;
  readonly query: URLSearchParams;
  /** The JSON body; undefined where there is none. */
  readonly body: unknown;
}

/** Answers a request with a JSON value. What it throws is answered as 400 with the message; undefined as 404. */
export type Answer = (request: ControlRequest) => object | undefined;

async function read(incoming: IncomingMessage): Promise<ControlRequest> {
  let text = '';
  for await (const chunk of incoming) text += chunk;
  const url = new URL(incoming.url ?? '/', 'http://control');
  return {
    route: `${incoming.method} ${url.pathname}`,
    query: url.searchParams,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** A JSON server for the control of a catalogue program. `routes` tells a lost caller what there is. */
export function createControlServer(routes: string, answer: Answer): Server {
  return createServer(async (incoming, response) => {
    let status = 200;
    let value: object | undefined;
    try {
      value = answer(await read(incoming));
      if (value === undefined) [status, value] = [404, { error: `there is ${routes}` }];
    } catch (error) {
      [status, value] = [400, { error: error instanceof Error ? error.message : String(error) }];
    }
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(value)}\n`);
  });
}
