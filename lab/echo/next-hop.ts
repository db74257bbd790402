import { Agent, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Caller, type CallerPorts, createCaller, type HopResult } from './caller.ts';

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
  const asked = {
    ...(status === 429 && ({ isRefusal: true } as const)),
    ...retryAfterOf(headers),
  };
  if (status < 500) return { status: 200, via, failedHop: undefined, cause: undefined, ...asked };
  return {
    ...asked,
    status: version === undefined ? 503 : 502,
    via,
    failedHop: headerText(headers['x-failed-hop']) ?? own,
    cause: headerText(headers['x-failed-cause']) ?? `${status}${version === undefined ? ` ${body}` : ''}`.trim(),
  };
}

/** Seconds; dates, which are possible too, no proxy of the lab writes. */
function retryAfterOf(headers: IncomingHttpHeaders): Pick<HopResult, 'retryAfterMs'> {
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {};
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

/** Calls `url` with kept connections, through the sidecar's proxy where there is one, as the policy of each call says. */
export function createNextHop(url: string, proxy: string | undefined): Caller {
  const target = new URL(url);
  const service = target.hostname.split('.')[0] ?? target.hostname;
  const via = proxy ? new URL(proxy) : target;
  const agent = new Agent({ keepAlive: true });
  const options: RequestOptions = {
    agent,
    host: via.hostname,
    port: via.port || 80,
    path: proxy ? url : target.pathname + target.search,
  };
  const call: CallerPorts['call'] = (headers, { nextTimeoutMs, nextConnections }) =>
    new Promise((resolve) => {
      agent.maxSockets = nextConnections;
      const fail = (error: Error) => resolve(unreachable(service, error));
      const signal = AbortSignal.timeout(nextTimeoutMs);
      const begun = request(
        { ...options, headers: { ...forwarded(headers), host: target.host }, signal },
        (response) => void read(service, response).then(resolve, fail),
      );
      begun.on('error', fail);
      begun.end();
    });
  return createCaller({ service, call, now: () => performance.now(), sleep });
}
