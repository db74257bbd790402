import type { Answer, Ask } from '../e2e/support/caller.ts';

/** A timer may fire a few ms early. */
const EARLY_MS = 10;
const DELAY_MS = 1_000;
/** A body that takes about a second; the proxy lets the first part of it come at once. */
const THIN_KIB = 16;
const THIN_MS = 900;

/** A kind of fault as an experiment has it, and how a caller tells that an answer was touched. */
export interface Kind {
  readonly spec: object;
  readonly ask?: Omit<Ask, 'service'>;
  readonly isTouched: (answer: Answer) => boolean;
}

const LONG = '12m';
const ramp = [{ percentage: 50, for: LONG }];

/** An abort with a status that nobody else gives. */
export const ABORT: Kind = {
  spec: { fault: { abort: { httpStatus: 555 } }, ramp },
  isTouched: ({ status }) => status === 555,
};

/** Every kind of fault that an experiment can have. */
export const KINDS: Readonly<Record<string, Kind>> = {
  delay: {
    spec: { fault: { delay: { fixed: `${DELAY_MS}ms` } }, ramp },
    isTouched: ({ ms }) => ms >= DELAY_MS - EARLY_MS,
  },
  spread: {
    spec: {
      fault: {
        delay: {
          spread: [
            { fixed: `${DELAY_MS}ms`, share: 70 },
            { fixed: `${DELAY_MS * 1.5}ms`, share: 30 },
          ],
        },
      },
      ramp,
    },
    isTouched: ({ ms }) => ms >= DELAY_MS - EARLY_MS,
  },
  abort: ABORT,
  'abort-grpc': {
    spec: { fault: { abort: { grpcStatus: 'UNAVAILABLE' } }, ramp },
    ask: { headers: { 'content-type': 'application/grpc' } },
    isTouched: ({ headers }) => headers['grpc-status'] === '14',
  },
  shed: {
    spec: { fault: { shed: { status: 503, retryAfter: '7s' } }, ramp },
    isTouched: ({ status, headers }) => status === 503 && headers['retry-after'] === '7',
  },
  throttle: {
    spec: { fault: { throttle: { requestsPerSecond: 5, retryAfter: '2s' } }, duration: LONG },
    isTouched: ({ status, headers }) => status === 429 && headers['retry-after'] === '2',
  },
  bandwidth: {
    spec: { fault: { bandwidth: { kibPerSecond: THIN_KIB } }, ramp },
    ask: { path: `/?bytes=${THIN_KIB * 1024}` },
    isTouched: ({ ms }) => ms >= THIN_MS,
  },
  circuit: {
    spec: { fault: { circuit: { maxRequests: 1 } }, duration: LONG },
    ask: { path: '/?waitMs=200' },
    isTouched: ({ status, headers }) => status === 503 && headers['x-envoy-overloaded'] === 'true',
  },
};
