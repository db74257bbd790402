import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';

/** The outcome of `work`, or a TransientError with code REDIS_TIMEOUT once `afterMs` have passed; `work` goes on unheard. */
export function deadline<T>(
  work: Promise<T>,
  options: { readonly clock: Clock; readonly afterMs: number; readonly what: string },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = options.clock.after(options.afterMs, () => {
      reject(new AppError('TransientError', 'REDIS_TIMEOUT', `${options.what} within ${options.afterMs} ms`));
    });
    work.then(resolve, reject).finally(cancel);
  });
}
