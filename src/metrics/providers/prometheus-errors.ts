import { AppError, type AppErrorOptions, type ErrorClass } from '../../lib/errors.ts';

/** What an answer says outside the parts that `prometheus-query` hands over. */
export interface Exchange {
  status?: number;
  headers?: Readonly<Record<string, unknown>>;
  body?: unknown;
  /** Native histograms were asked for. */
  isNative?: boolean;
  /** More came than may be held. */
  isTooLarge?: boolean;
}

/** What is known of a failed query. */
export interface FailureContext {
  /** How messages name the source. */
  readonly name: string;
  readonly exchange: Exchange;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Our clock, in ms since the epoch. */
  readonly now: number;
  readonly signal: AbortSignal | undefined;
  readonly deadline: AbortSignal;
}

/** What people say instead of the code that the operating system gives. */
const NETWORK_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name cannot be looked up now',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  ECONNABORTED: 'connection timed out',
};
const LONGEST_REASON = 200;

/**
 * What the query client threw, as the AppError that says what to do about it. Nothing thrown is kept as cause: the client's errors hold
 * the request with its Authorization header.
 */
export function translateFailure(thrown: unknown, context: FailureContext): AppError {
  const { name, exchange, signal, deadline } = context;
  if (signal?.aborted) return failure('METRICS_ABORTED', name, 'the query was abandoned');
  if (deadline.aborted) return timedOut(context);
  if (exchange.isTooLarge === true) return tooLarge(context);
  if (exchange.status === undefined) return unanswered(thrown, context);
  if (exchange.status >= 200 && exchange.status < 300) return unreadable(name, exchange);
  return refused(exchange.status, context);
}

/** The source answered something that is no query result. */
export function malformed(name: string, what: string): AppError {
  return failure('METRICS_MALFORMED', name, `answered what cannot be read: ${what}`);
}

function unanswered(thrown: unknown, context: FailureContext): AppError {
  const { code = 'UNKNOWN', error = '' } = thrown as { code?: string; error?: string };
  if (/maxContentLength/.test(error)) return tooLarge(context);
  if (code === 'ECONNABORTED') return timedOut(context);
  const reason = NETWORK_REASONS[code] ?? tlsReason(code) ?? `request failed (${code})`;
  return failure('METRICS_UNREACHABLE', context.name, reason, { details: { code } });
}

/** Why a connection could not be secured, and the cure. */
function tlsReason(code: string): string | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is for another name (${code}): correct the address, or give the name in tls.serverName of a MetricsSource`;
  }
  if (code === 'CERT_HAS_EXPIRED') return `its certificate has expired (${code}): renew it`;
  if (/SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERT_(UNTRUSTED|SIGNATURE)/.test(code)) {
    return `its certificate is not trusted (${code}): name its authority in tls.caSecretKeyRef of a MetricsSource`;
  }
  return /CERT|SSL|TLS/.test(code) ? `TLS failed (${code})` : undefined;
}

function tooLarge({ name, maxBytes }: FailureContext): AppError {
  return failure('METRICS_TOO_LARGE', name, `answered more than ${maxBytes} bytes`);
}

function timedOut({ name, timeoutMs }: FailureContext): AppError {
  return failure('METRICS_TIMEOUT', name, `no answer within ${timeoutMs} ms`);
}

function refused(status: number, context: FailureContext): AppError {
  const { errorClass, code, reason } = meaningOf(status);
  const said = (context.exchange.body as { error?: unknown } | null | undefined)?.error;
  const retryAfterMs = retryAfter(context.exchange.headers?.['retry-after'], context.now);
  return new AppError(errorClass, code, `${context.name}: ${reason}`, {
    details: { reason, status, ...(typeof said === 'string' ? { said: said.slice(0, LONGEST_REASON) } : {}) },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function meaningOf(status: number): { errorClass: ErrorClass; code: string; reason: string } {
  switch (status) {
    case 400:
      return {
        errorClass: 'ConfigError',
        code: 'METRICS_BAD_QUERY',
        reason: 'it refuses the query as wrong (HTTP 400)',
      };
    case 401:
    case 403:
      return {
        errorClass: 'ConfigError',
        code: 'METRICS_UNAUTHORIZED',
        reason: `it refuses our credentials (HTTP ${status}): check token, user or tenant`,
      };
    case 408:
    case 425:
    case 429:
      return { errorClass: 'TransientError', code: 'METRICS_THROTTLED', reason: `it asks us to wait (HTTP ${status})` };
    // Prometheus: the query is right but cannot be run now, commonly too many samples.
    case 422:
      return { errorClass: 'TransientError', code: 'METRICS_NOT_RUN', reason: 'it could not run the query (HTTP 422)' };
    default:
      return status >= 500
        ? { errorClass: 'TransientError', code: 'METRICS_UNAVAILABLE', reason: `it failed (HTTP ${status})` }
        : {
            errorClass: 'ConfigError',
            code: 'METRICS_WRONG_ADDRESS',
            reason: `its address has no query API (HTTP ${status}): check host and path`,
          };
  }
}

function failure(code: string, name: string, reason: string, options: AppErrorOptions = {}): AppError {
  return new AppError('TransientError', code, `${name}: ${reason}`, {
    ...options,
    details: { reason, ...options.details },
  });
}

function unreadable(name: string, { body, isNative }: Exchange): AppError {
  if (typeof body !== 'object' || body === null) return malformed(name, 'not JSON');
  if ((body as { status?: unknown }).status !== 'success') return malformed(name, 'no success status');
  if (isNative === true || !holdsNative(body)) return malformed(name, 'an unexpected result');
  const reason = 'it answers native histograms where a counter is asked for';
  return new AppError('ConfigError', 'METRICS_NOT_A_COUNTER', `${name}: ${reason}`, { details: { reason } });
}

/** Series of native histograms stand beside others, with `histograms` where those have `values`. */
function holdsNative(body: object): boolean {
  const { result } = (body as { data?: { result?: unknown } | null }).data ?? {};
  return (
    Array.isArray(result) && result.some((series) => Array.isArray((series as { histograms?: unknown }).histograms))
  );
}

/** Seconds or an HTTP date, in ms from now; undefined when neither. */
function retryAfter(value: unknown, now: number): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
