import { Agent, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions, request } from 'node:http';

/** What became of a call to the next hop. */
export interface HopResult {
  /** 200, or what our own caller gets instead: 502 when the hop failed, 503 when it could not be reached. */
  readonly status: number;
  /** Who answered, from here on: `checkout=v2,payments=v1`. */
  readonly via: string;
  /** Who failed: `checkout=v2`, or `checkout=none` when no pod answered. */
  readonly failedHop: string | undefined;
  /** Why, in the words of whoever knows: a proxy, or the connection. */
  readonly cause: string | undefined;
}

/** Calls one URL, through the sidecar's proxy where there is one. */
export type CallNextHop = (headers: IncomingHttpHeaders) => Promise<HopResult>;

/** Headers that say whose request it is travel on; those that proxies write do not. */
function forwarded(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const isOurs = /^(x-|traceparent$|tracestate$|baggage$)/.test(name) && !/^x-(envoy|forwarded)/.test(name);
    if (isOurs && typeof value === 'string') kept[name] = value;
  }
  return kept;
}

/** What the answer of a hop means for its caller; `body` is how it begins. */
export function hopResult(service: string, status: number, headers: IncomingHttpHeaders, body = ''): HopResult {
  const version = headerText(headers['x-version']);
  const own = `${service}=${version ?? 'none'}`;
  const further = headerText(headers['x-via']);
  const via = further ? `${own},${further}` : own;
  if (status < 500) return { status: 200, via, failedHop: undefined, cause: undefined };
  return {
    status: version === undefined ? 503 : 502,
    via,
    failedHop: headerText(headers['x-failed-hop']) ?? own,
    cause: headerText(headers['x-failed-cause']) ?? `${status}${version === undefined ? ` ${body}` : ''}`.trim(),
  };
}

function headerText(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function unreachable(service: string, error: Error): HopResult {
  return { status: 503, via: `${service}=none`, failedHop: `${service}=none`, cause: error.message };
}

/** Long enough for what a proxy says about itself. */
const CAUSE_LENGTH = 160;

async function read(service: string, response: IncomingMessage): Promise<HopResult> {
  let body = '';
  for await (const chunk of response) if (body.length < CAUSE_LENGTH) body += chunk;
  return hopResult(service, response.statusCode ?? 0, response.headers, body.slice(0, CAUSE_LENGTH));
}

/** A caller of `url` with kept connections. */
export function createNextHop(url: string, proxy: string | undefined, timeoutMs: number): CallNextHop {
  const target = new URL(url);
  const service = target.hostname.split('.')[0] ?? target.hostname;
  const via = proxy ? new URL(proxy) : target;
  const options: RequestOptions = {
    agent: new Agent({ keepAlive: true, maxSockets: 256 }),
    host: via.hostname,
    port: via.port || 80,
    path: proxy ? url : target.pathname + target.search,
  };
  return (headers) =>
    new Promise((resolve) => {
      const fail = (error: Error) => resolve(unreachable(service, error));
      const call = request(
        { ...options, headers: { ...forwarded(headers), host: target.host }, signal: AbortSignal.timeout(timeoutMs) },
        (response) => void read(service, response).then(resolve, fail),
      );
      call.on('error', fail);
      call.end();
    });
}
