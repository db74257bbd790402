/** What the reconciler must do about an error decides its class; see docs/errors.md. */
export type ErrorClass =
  | 'ConfigError' // Stalled; waits for a new generation
  | 'UnsupportedError' // Stalled; names the missing capability
  | 'NotReadyError' // requeue at a time; not counted as an error
  | 'TransientError' // back off with jitter, honour retry-after; traffic holds
  | 'ConflictError' // observe again at once
  | 'SafetyError' // hold and warn
  | 'InvariantError'; // a bug: fail the reconcile and count it

export interface AppErrorOptions {
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  /** When a retry makes sense at the earliest, in ms from now. */
  readonly retryAfterMs?: number;
}

/** An error that says what is to be done about it: `class` for the reconciler, `code` for people and tests. */
export class AppError extends Error {
  readonly class: ErrorClass;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number | undefined;

  constructor(errorClass: ErrorClass, code: string, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = errorClass;
    this.class = errorClass;
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** True when `error` is an AppError, of the given class if one is given. */
export function isAppError(error: unknown): error is AppError;
export function isAppError<C extends ErrorClass>(
  error: unknown,
  errorClass: C,
): error is AppError & { readonly class: C };
export function isAppError(error: unknown, errorClass?: ErrorClass): boolean {
  return error instanceof AppError && (errorClass === undefined || error.class === errorClass);
}

/** Makes a switch over a union exhaustive at compile time and loud at run time. */
export function assertNever(value: never): never {
  throw new AppError('InvariantError', 'UNREACHABLE', `unexpected value: ${JSON.stringify(value)}`);
}
