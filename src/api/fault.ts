import { z } from 'zod';
import { duration, numberBetween } from './fields.ts';
import { GRPC_STATUSES } from './requests-objective.ts';
import { exactlyOneOf, type Rule, withRule } from './rule.ts';

const wholeBetween = (min: number, max: number, meaning: string): Rule<number> => ({
  cel: `self >= ${min} && self <= ${max}`,
  holds: (value) => value >= min && value <= max,
  message: `must be ${meaning} from ${min} to ${max}`,
});

const delay = () => duration('1ms', '10m');

const spreadSchema = withRule(
  z
    .array(
      z.strictObject({
        fixed: delay().describe('How much later these requests are sent on: 1ms to 10m.'),
        share: withRule(z.int(), wholeBetween(1, 99, 'a whole number of percent')).describe(
          'Share of the touched requests that wait so long, in whole percent: 1 to 99.',
        ),
      }),
    )
    .min(2)
    .max(5),
  {
    cel: 'self.size() < 2 || self.map(part, part.share).sum() == 100',
    holds: (parts) => parts.length < 2 || parts.reduce((sum, { share }) => sum + share, 0) === 100,
    message: 'the shares must sum to 100: they part the touched requests, whose number says ramp',
  },
);

const delaySchema = withRule(
  z.strictObject({
    fixed: delay()
      .describe(
        'How much later each touched request is sent on: 1ms to 10m. Around the timeout of the caller it shows whether its fallback works.',
      )
      .exactOptional(),
    spread: spreadSchema
      .describe('Several delays, of which each touched request gets one, as in a service whose tail is slow. 2 to 5.')
      .exactOptional(),
  }),
  exactlyOneOf(['fixed', 'spread'], 'keep or add one, for example `fixed: 300ms`'),
).describe('Requests wait before they are sent on. Exactly one of the fields.');

const abortSchema = withRule(
  z.strictObject({
    httpStatus: withRule(z.int(), {
      cel: 'self >= 200 && self <= 599',
      holds: (status) => status >= 200 && status <= 599,
      message: 'must be a status from 200 to 599: proxies answer no other',
    })
      .describe('Status of the answer: 200 to 599.')
      .exactOptional(),
    grpcStatus: z.enum(GRPC_STATUSES).describe('Status of gRPC, by name, such as UNAVAILABLE.').exactOptional(),
  }),
  exactlyOneOf(['httpStatus', 'grpcStatus'], 'keep or add one, for example `httpStatus: 503`'),
).describe('Requests are answered by the proxy of the caller instead of the target. Exactly one of the fields.');

const refusalStatus = () =>
  withRule(z.int(), {
    cel: 'self >= 400 && self <= 599',
    holds: (status) => status >= 400 && status <= 599,
    message: 'must be a status from 400 to 599, such as 429 or 503',
  });

const retryAfter = () =>
  duration('1s', '1h')
    .describe('What the `Retry-After` header of a refusal says, in whole seconds: 1s to 1h. Default: no such header.')
    .exactOptional();

const throttleSchema = z
  .strictObject({
    requestsPerSecond: numberBetween(0.1, 1_000_000, '').describe(
      "Requests that each caller's proxy lets through in a second; more are refused: 0.1 to 1000000. The limit is for each proxy: ten callers may send ten times as many.",
    ),
    status: refusalStatus().describe('Status of a refusal: 400 to 599. Default 429.').default(429),
    retryAfter: retryAfter(),
  })
  .describe(
    'Requests beyond a rate are refused, as by a service with a rate limit. The rate says how many; say how long by `duration`.',
  );

const shedSchema = z
  .strictObject({
    status: refusalStatus().describe('Status of a refusal: 400 to 599. Default 503.').default(503),
    retryAfter: retryAfter(),
  })
  .describe(
    'Touched requests are refused whatever their rate, as by a service that sheds load. Which share says `ramp`.',
  );

const bandwidthSchema = z
  .strictObject({
    kibPerSecond: withRule(z.int(), wholeBetween(1, 1_048_576, 'a whole number of KiB a second')).describe(
      'KiB of the body that come in a second, for each touched answer: 1 to 1048576.',
    ),
  })
  .describe(
    'Bodies of answers come slowly. Touched requests also wait 1 ms, by which proxies tell them; they are chosen by `x-request-id`, which proxies draw where the caller brings none.',
  );

const limit = (meaning: string) =>
  withRule(z.int(), wholeBetween(1, 1_000_000, 'a whole number'))
    .describe(`${meaning}: 1 to 1000000. Default: the limit that there is.`)
    .exactOptional();

const circuitSchema = withRule(
  z.strictObject({
    maxConnections: limit("Connections that each caller's proxy may have to the target"),
    maxPendingRequests: limit("Requests that may wait for a connection in each caller's proxy"),
    maxRequests: limit("Requests that each caller's proxy may have under way at once"),
  }),
  {
    cel: 'has(self.maxConnections) || has(self.maxPendingRequests) || has(self.maxRequests)',
    holds: ({ maxConnections, maxPendingRequests, maxRequests }) =>
      maxConnections !== undefined || maxPendingRequests !== undefined || maxRequests !== undefined,
    message: 'needs at least one limit: add for example `maxPendingRequests: 1`',
  },
).describe(
  'Lower limits of the connection pool, as if the circuit breaker were tighter; what is beyond them gets 503. Say how long by `duration`.',
);

const blocks = {
  delay: delaySchema.exactOptional(),
  abort: abortSchema.exactOptional(),
  throttle: throttleSchema.exactOptional(),
  shed: shedSchema.exactOptional(),
  bandwidth: bandwidthSchema.exactOptional(),
  circuit: circuitSchema.exactOptional(),
} as const;

/** `spec.fault`: what happens to a touched request. */
export const faultSchema = withRule(
  z.strictObject(blocks),
  exactlyOneOf(Object.keys(blocks), 'keep or add one, for example `abort: {httpStatus: 503}`'),
).describe('What happens to the requests that the fault touches. Exactly one of the blocks.');
