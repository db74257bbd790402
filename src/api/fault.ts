import { z } from 'zod';
import { duration, numberBetween } from './fields.ts';
import { GRPC_STATUSES } from './requests-objective.ts';
import { exactlyOneOf, withRule } from './rule.ts';

const delaySchema = z
  .strictObject({
    fixed: duration('1ms', '10m').describe(
      'How much later each touched request is sent on: 1ms to 10m. Around the timeout of the caller it shows whether its fallback works.',
    ),
  })
  .describe('Requests wait before they are sent on.');

const httpStatusSchema = withRule(z.int(), {
  cel: 'self >= 200 && self <= 599',
  holds: (status) => status >= 200 && status <= 599,
  message: 'must be a status from 200 to 599: proxies answer no other',
});

const abortSchema = withRule(
  z.strictObject({
    httpStatus: httpStatusSchema.describe('Status of the answer: 200 to 599.').exactOptional(),
    grpcStatus: z.enum(GRPC_STATUSES).describe('Status of gRPC, by name, such as UNAVAILABLE.').exactOptional(),
  }),
  exactlyOneOf(['httpStatus', 'grpcStatus'], 'keep or add one, for example `httpStatus: 503`'),
).describe('Requests are answered by the proxy of the caller instead of the target.');

const throttleSchema = z
  .strictObject({
    requestsPerSecond: numberBetween(0.1, 1_000_000, '').describe(
      "Requests that each caller's proxy lets through in a second; more are refused. The limit is for each proxy: ten callers may send ten times as many.",
    ),
    status: withRule(z.int(), {
      cel: 'self >= 400 && self <= 599',
      holds: (status) => status >= 400 && status <= 599,
      message: 'must be a status from 400 to 599, such as 429 or 503',
    })
      .describe('Status of a refusal: 400 to 599. Default 429.')
      .default(429),
    retryAfter: duration('1s', '1h')
      .describe('What the `Retry-After` header of a refusal says, in whole seconds: 1s to 1h. Default: no such header.')
      .exactOptional(),
  })
  .describe('Requests beyond a rate are refused.');

/** `spec.fault`: what happens to a touched request. */
export const faultSchema = withRule(
  z.strictObject({
    delay: delaySchema.exactOptional(),
    abort: abortSchema.exactOptional(),
    throttle: throttleSchema.exactOptional(),
  }),
  exactlyOneOf(['delay', 'abort', 'throttle'], 'keep or add one, for example `abort: {httpStatus: 503}`'),
).describe('What happens to the requests that the fault touches. Exactly one of the blocks.');
