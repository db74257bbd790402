import type { Acceptance } from './verdict.ts';
import { grouped, percent, spanInWords } from './words.ts';

/** Says when the release is expected to be shown good: "shown good after about 146 more requests, in about 73 s". */
export function outlookInWords({ reached, requestsLeft, secondsLeft, tolerableRatio }: Acceptance): string {
  if (reached) return `shown to fail less than ${percent(tolerableRatio)}`;
  if (requestsLeft === null)
    return `cannot be shown to fail less than ${percent(tolerableRatio)} while it fails so often`;
  const when = secondsLeft === null ? '' : `, in about ${spanInWords(secondsLeft)}`;
  return `shown good after about ${grouped(requestsLeft)} more requests${when}`;
}
