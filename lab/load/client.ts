import { Agent, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { isFailure, type Outcome } from './record.ts';

/** Sends the request that was due at `dueAtMs`; never rejects. */
export type Send = (dueAtMs: number) => Promise<Outcome>;

const CAUSE_LENGTH = 160;

const text = (value: string | string[] | undefined) => (typeof value === 'string' ? value : undefined);

/** Who answered: the target's version and those of the hops behind it. */
export function versionsOf(service: string, headers: IncomingHttpHeaders): readonly string[] {
  const version = text(headers['x-version']);
  const via = text(headers['x-via'])?.split(',') ?? [];
  return [...(version ? [`${service}=${version}`] : []), ...via];
}

async function bodyStart(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of response) if (body.length < CAUSE_LENGTH) body += chunk;
  return body.slice(0, CAUSE_LENGTH).trim();
}

async function outcomeOf(
  service: string,
  dueAtMs: number,
  response: IncomingMessage,
  now: () => number,
): Promise<Outcome> {
  const { headers, statusCode: status = 0 } = response;
  const versions = versionsOf(service, headers);
  const cause = await bodyStart(response);
  const answered = { dueAtMs, endedAtMs: now(), status, versions };
  if (!isFailure(status)) return answered;
  const failedHop = text(headers['x-failed-hop']) ?? versions[0] ?? `${service}=none`;
  return {
    ...answered,
    failedHop,
    cause: text(headers['x-failed-cause']) ?? `${status}${versions.length > 0 ? '' : ` ${cause}`}`.trim(),
  };
}

function wordsOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'))
    return `no answer within ${timeoutMs} ms`;
  return error instanceof Error ? ('code' in error ? `${error.code}: ${error.message}` : error.message) : String(error);
}

export interface ClientOptions {
  readonly target: string;
  /** URL of the sidecar's proxy; the target is called directly without it. */
  readonly proxy: string | undefined;
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, with fractions. */
  readonly now: () => number;
}

/** A client of one URL with kept connections. */
export function createClient({ target, proxy, timeoutMs, headers, now }: ClientOptions): Send {
  const url = new URL(target);
  const service = url.hostname.split('.')[0] ?? url.hostname;
  const peer = proxy ? new URL(proxy) : url;
  const options: RequestOptions = {
    agent: new Agent({ keepAlive: true, maxSockets: 512 }),
    host: peer.hostname,
    port: peer.port || 80,
    path: proxy ? target : url.pathname + url.search,
    headers: { ...headers, host: url.host },
  };
  return (dueAtMs) =>
    new Promise((resolve) => {
      const noAnswer = (error: unknown) =>
        resolve({
          dueAtMs,
          endedAtMs: now(),
          status: 0,
          versions: [],
          failedHop: `${service}=none`,
          cause: wordsOf(error, timeoutMs),
        });
      const call = request({ ...options, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
        outcomeOf(service, dueAtMs, response, now).then(resolve, noAnswer);
      });
      call.on('error', noAnswer);
      call.end();
    });
}
