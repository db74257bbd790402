import { AppError, type ErrorClass } from '../lib/errors.ts';

/** What was asked for, for messages: never holds bodies or credentials. */
export interface RequestContext {
  /** The verb as RBAC knows it. */
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'apply' | 'update' | 'jsonPatch' | 'patch' | 'delete';
  /** `virtualservices.networking.istio.io`, with the subresource after a slash. */
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/** The part of a Kubernetes `Status` answer that decides what an error means. */
interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

interface Translation {
  readonly class: ErrorClass;
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The text that the API server gives for every JSON patch that does not fit the object; it does not say which part. */
const PATCH_DOES_NOT_FIT =
  /^the server rejected our request due to an error in our request$|testing (value|path) .* failed/i;

/** An answer with an error status, as the AppError that says what to do about it. `body` is the answer's text. */
export function translateStatus(
  request: RequestContext,
  answer: { readonly status: number; readonly body: string; readonly retryAfter?: string | undefined },
): AppError {
  const status = parseStatus(answer.body);
  const translation = translationOf(request, answer.status, status);
  const retryAfterMs = retryAfter(status, answer.retryAfter);
  return new AppError(translation.class, translation.code, translation.message, {
    details: {
      ...describe(request),
      status: answer.status,
      ...(status.reason === undefined ? {} : { reason: status.reason }),
      ...translation.details,
    },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** A request that got no usable answer (connection refused or lost, no answer in time, bad TLS), as a TransientError. */
export function translateFailure(request: RequestContext, code: string, what: string, cause?: unknown): AppError {
  const detail = cause instanceof Error ? `: ${cause.message}` : '';
  return new AppError('TransientError', code, `${phrase(request)}: ${what}${detail}`, {
    details: describe(request),
    cause,
  });
}

function translationOf(request: RequestContext, code: number, status: Status): Translation {
  const message = `${phrase(request)}: ${status.message ?? `status ${code}`}`;
  if (code === 409) return conflict(status, message);
  if (code === 410) return { class: 'ConflictError', code: 'RESOURCE_VERSION_EXPIRED', message };
  if (code === 401) {
    return {
      class: 'ConfigError',
      code: 'UNAUTHORIZED',
      message: `${message}; check the credentials in the kubeconfig`,
    };
  }
  if (code === 403) return forbidden(request, status, message);
  if (code === 404) return notFound(request, status, message);
  if (code === 429 || code >= 500) return unavailable(code, message);
  if (code === 422 && request.verb === 'jsonPatch' && PATCH_DOES_NOT_FIT.test(status.message ?? '')) {
    return {
      class: 'ConflictError',
      code: 'PATCH_TEST_FAILED',
      message: `${phrase(request)}: the patch does not fit the object (a test failed or a path is missing)`,
    };
  }
  return { class: 'ConfigError', code: 'INVALID', message, details: { fields: fieldsOf(status) } };
}

function conflict(status: Status, message: string): Translation {
  const held = (status.details?.causes ?? []).filter((cause) => cause.reason === 'FieldManagerConflict');
  if (held.length > 0) {
    const conflicts = held.map((cause) => ({ field: cause.field ?? '', manager: managerOf(cause.message ?? '') }));
    return { class: 'ConflictError', code: 'FIELD_CONFLICT', message, details: { conflicts } };
  }
  if (status.reason === 'AlreadyExists') return { class: 'ConflictError', code: 'ALREADY_EXISTS', message };
  const isOtherObject = /UID in (the )?precondition/.test(status.message ?? '');
  return { class: 'ConflictError', code: isOtherObject ? 'UID_CONFLICT' : 'RESOURCE_VERSION_CONFLICT', message };
}

function forbidden(request: RequestContext, status: Status, message: string): Translation {
  if (status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating')) {
    return { class: 'NotReadyError', code: 'NAMESPACE_TERMINATING', message };
  }
  const verb = RBAC_VERBS[request.verb];
  return {
    class: 'ConfigError',
    code: 'FORBIDDEN',
    message: `${message}; if RBAC refused it, grant "${verb}" on "${request.resource}"`,
  };
}

const RBAC_VERBS: Readonly<Record<RequestContext['verb'], string>> = {
  get: 'get',
  list: 'list',
  watch: 'watch',
  create: 'create',
  apply: 'patch',
  update: 'update',
  jsonPatch: 'patch',
  patch: 'patch',
  delete: 'delete',
};

/** A 404 without a `Status` comes from the router of the API server: it does not serve the kind at all. */
function notFound(request: RequestContext, status: Status, message: string): Translation {
  if (status.reason === 'NotFound' && request.verb !== 'list' && request.verb !== 'watch') {
    return { class: 'NotReadyError', code: 'NOT_FOUND', message };
  }
  return {
    class: 'NotReadyError',
    code: 'KIND_NOT_SERVED',
    message: `${phrase(request)}: the API server does not serve "${request.resource}"; is its CustomResourceDefinition installed?`,
  };
}

function unavailable(code: number, message: string): Translation {
  if (code === 429) return { class: 'TransientError', code: 'TOO_MANY_REQUESTS', message };
  return { class: 'TransientError', code: 'SERVER_ERROR', message };
}

/** `conflict with "kubectl" using apps/v1` → `kubectl`. */
function managerOf(message: string): string {
  return /conflict with "([^"]*)"/.exec(message)?.[1] ?? message;
}

function fieldsOf(status: Status): readonly string[] {
  return (status.details?.causes ?? []).flatMap((cause) => (cause.field === undefined ? [] : [cause.field]));
}

function parseStatus(body: string): Status {
  try {
    const parsed: unknown = JSON.parse(body);
    const isStatus = typeof parsed === 'object' && parsed !== null && (parsed as { kind?: unknown }).kind === 'Status';
    return isStatus ? (parsed as Status) : {};
  } catch {
    return {};
  }
}

function retryAfter(status: Status, header: string | undefined): number | undefined {
  const seconds = status.details?.retryAfterSeconds ?? (header === undefined ? undefined : Number(header));
  return seconds !== undefined && Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

function phrase(request: RequestContext): string {
  const place = request.namespace === undefined ? '' : ` in namespace "${request.namespace}"`;
  return `cannot ${request.verb} ${request.resource}${request.name === undefined ? '' : ` "${request.name}"`}${place}`;
}

function describe(request: RequestContext): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}
