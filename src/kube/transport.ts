import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Clock } from '../lib/clock.ts';
import type { AppError } from '../lib/errors.ts';
import type { Connection } from './kubeconfig.ts';
import { type RequestContext, translateFailure, translateStatus } from './translate-error.ts';

/** One request to the API server. */
export interface TransportRequest {
  readonly context: RequestContext;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/** Sends requests over kept connections and turns every failure into an AppError. */
export interface Transport {
  /** The parsed JSON of a successful answer, all of it within the time limit. */
  json<T>(request: TransportRequest): Promise<T>;
  /** The body of a successful answer as it comes; the time limit covers only the wait for the headers. */
  stream(request: TransportRequest): Promise<IncomingMessage>;
}

/** Builds the transport over `connection`; `timeoutMs` limits each request. */
export function createTransport(
  connection: Connection,
  options: { readonly userAgent: string; readonly timeoutMs: number; readonly clock: Clock },
): Transport {
  const { timeoutMs, clock } = options;

  const open = async (request: TransportRequest): Promise<Exchange> => {
    const secured = await connection.requestOptions();
    const url = new URL(connection.server + request.path);
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const headers = {
      ...secured.headers,
      accept: 'application/json',
      'user-agent': options.userAgent,
      ...(body && { 'content-type': request.contentType ?? 'application/json', 'content-length': body.length }),
    };
    const send = url.protocol === 'https:' ? https.request : http.request;
    return exchange(send(url, { ...secured, headers, method: request.method, ...withSignal(request.signal) }), body);
  };

  /** The answer with its headers; the returned timer goes on running so that it may cover the body too. */
  const answer = async (request: TransportRequest): Promise<Answer> => {
    const { sent, headers } = await open(request);
    let hasTimedOut = false;
    const stopTimer = clock.after(timeoutMs, () => {
      hasTimedOut = true;
      sent.destroy();
    });
    const fail = (cause: unknown): AppError => {
      stopTimer();
      if (request.signal?.aborted) return translateFailure(request.context, 'ABORTED', 'aborted', cause);
      if (hasTimedOut) return translateFailure(request.context, 'TIMEOUT', `no answer within ${timeoutMs} ms`, cause);
      return translateFailure(request.context, 'API_UNREACHABLE', 'the API server cannot be reached', cause);
    };
    const message = await headers.catch((cause: unknown) => {
      throw new Unanswered(fail(cause), sent.reusedSocket && !hasTimedOut && request.signal?.aborted !== true);
    });
    return { message, stopTimer, fail };
  };

  /** Sends once more where the first try says nothing: a kept connection that had died, or outdated credentials. */
  const answerOrRetry = async (request: TransportRequest): Promise<Answer> => {
    const first = await answer(request).catch((error: unknown) => {
      if (!(error instanceof Unanswered)) throw error;
      // A write may have arrived although its answer did not; only its owner knows whether it is safe to repeat.
      if (!error.isStaleConnection || request.method !== 'GET') throw error.reason;
      return undefined;
    });
    if (first !== undefined && first.message.statusCode !== 401) return first;
    if (first !== undefined) {
      first.stopTimer();
      first.message.resume();
      connection.forgetCredentials();
    }
    return answer(request).catch((error: unknown) => {
      throw error instanceof Unanswered ? error.reason : error;
    });
  };

  const refuse = async (request: TransportRequest, { message, fail }: Answer): Promise<never> => {
    const body = await text(message).catch((cause: unknown) => {
      throw fail(cause);
    });
    throw translateStatus(request.context, {
      status: message.statusCode ?? 0,
      body,
      retryAfter: message.headers['retry-after'],
    });
  };

  return {
    async json<T>(request: TransportRequest): Promise<T> {
      const got = await answerOrRetry(request);
      try {
        if (!isSuccess(got.message)) return await refuse(request, got);
        const body = await text(got.message).catch((cause: unknown) => {
          throw got.fail(cause);
        });
        return parse<T>(request.context, body);
      } finally {
        got.stopTimer();
      }
    },
    async stream(request: TransportRequest): Promise<IncomingMessage> {
      const got = await answerOrRetry(request);
      try {
        return isSuccess(got.message) ? got.message : await refuse(request, got);
      } finally {
        got.stopTimer();
      }
    },
  };
}

interface Exchange {
  readonly sent: ClientRequest;
  readonly headers: Promise<IncomingMessage>;
}

interface Answer {
  readonly message: IncomingMessage;
  readonly stopTimer: () => void;
  readonly fail: (cause: unknown) => AppError;
}

/** Carries the AppError together with whether a kept connection turned out to be dead. */
class Unanswered extends Error {
  readonly reason: AppError;
  readonly isStaleConnection: boolean;

  constructor(reason: AppError, isStaleConnection: boolean) {
    super(reason.message, { cause: reason });
    this.reason = reason;
    this.isStaleConnection = isStaleConnection;
  }
}

function exchange(sent: ClientRequest, body: Buffer | undefined): Exchange {
  const headers = new Promise<IncomingMessage>((resolve, reject) => {
    // Stays on after the answer began: a late socket error would otherwise be an uncaught 'error' event.
    sent.on('error', reject);
    sent.on('response', resolve);
    sent.on('close', () => reject(new Error('the connection closed before the answer')));
  });
  sent.end(body);
  return { sent, headers };
}

const withSignal = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });

const isSuccess = ({ statusCode = 0 }: IncomingMessage): boolean => statusCode >= 200 && statusCode < 300;

async function text(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parse<T>(context: RequestContext, body: string): T {
  try {
    return JSON.parse(body) as T;
  } catch (cause) {
    throw translateFailure(context, 'MALFORMED_ANSWER', 'the answer is not JSON; is a proxy in between?', cause);
  }
}
