import { Agent, type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';

/** What became of a call to the next hop. */
export interface HopResult {
  /** 200, or what our own caller gets instead: 502 when the hop failed, 503 when it could not be reached. */
  readonly status: number;
  /** Who answered, from here on: `checkout=v2,payments=v1`. */
  readonly via: string;
  /** Who failed: `checkout=v2`, or `checkout=none` when no pod answered. */
  readonly failedHop: string | undefined;
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

/** What the answer of a hop means for its caller. */
export function hopResult(service: string, status: number, headers: IncomingHttpHeaders): HopResult {
  const version = headers['x-version'];
  const own = `${service}=${typeof version === 'string' ? version : 'none'}`;
  const further = typeof headers['x-via'] === 'string' ? `,${headers['x-via']}` : '';
  if (status < 500) return { status: 200, via: own + further, failedHop: undefined };
  const deeper = headers['x-failed-hop'];
  return {
    status: version === undefined ? 503 : 502,
    via: own + further,
    failedHop: typeof deeper === 'string' ? deeper : own,
  };
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
      const unreachable = { status: 503, via: `${service}=none`, failedHop: `${service}=none` };
      const call = request(
        { ...options, headers: { ...forwarded(headers), host: target.host }, signal: AbortSignal.timeout(timeoutMs) },
        (response) => {
          response.resume();
          response.on('error', () => resolve(unreachable));
          response.on('end', () => resolve(hopResult(service, response.statusCode ?? 0, response.headers)));
        },
      );
      call.on('error', () => resolve(unreachable));
      call.end();
    });
}
