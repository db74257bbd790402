import type { Fault } from '../../../src/routing/faults/port.ts';
import type { Answer, Ask } from './caller.ts';

/** A timer may fire a few ms early. */
export const EARLY_MS = 10;
export const DELAY_MS = 600;
export const LONG_DELAY_MS = 1_200;
const KIB = 1024;

/** A fault, and how a caller tells that an answer was touched by it. */
export interface FaultCase {
  readonly fault: Fault;
  /** Of 1. */
  readonly dose: number;
  readonly ask?: Omit<Ask, 'service'>;
  readonly isFaulted: (answer: Answer) => boolean;
  /** By which the callers' metrics tell it. */
  readonly flag: 'DI' | 'FI' | 'RL' | 'UO';
}

/** Faults of which a share of the requests is touched. */
export const SHARES: Readonly<Record<string, FaultCase>> = {
  delay: {
    fault: { kind: 'delay', delayMs: DELAY_MS },
    dose: 0.3,
    isFaulted: ({ ms }) => ms >= DELAY_MS - EARLY_MS,
    flag: 'DI',
  },
  spread: {
    fault: {
      kind: 'spread',
      parts: [
        { delayMs: DELAY_MS, share: 0.7 },
        { delayMs: LONG_DELAY_MS, share: 0.3 },
      ],
    },
    dose: 0.5,
    isFaulted: ({ ms }) => ms >= DELAY_MS - EARLY_MS,
    flag: 'DI',
  },
  abort: {
    fault: { kind: 'abort', httpStatus: 555 },
    dose: 0.3,
    isFaulted: ({ status }) => status === 555,
    flag: 'FI',
  },
  'abort-grpc': {
    fault: { kind: 'abort', grpcStatus: 14 },
    dose: 0.05,
    ask: { headers: { 'content-type': 'application/grpc' } },
    isFaulted: ({ headers }) => headers['grpc-status'] === '14',
    flag: 'FI',
  },
  shed: {
    fault: { kind: 'shed', status: 503, retryAfterS: 7 },
    dose: 0.2,
    isFaulted: ({ status, headers }) => status === 503 && headers['retry-after'] === '7',
    flag: 'RL',
  },
  bandwidth: {
    fault: { kind: 'bandwidth', kibPerSecond: 32 },
    dose: 0.3,
    ask: { path: `/?bytes=${32 * KIB}` },
    isFaulted: ({ ms }) => ms >= 900,
    flag: 'DI',
  },
};

export const THROTTLE: FaultCase = {
  fault: { kind: 'throttle', requestsPerSecond: 50, status: 429, retryAfterS: 2 },
  dose: 1,
  isFaulted: ({ status, headers }) => status === 429 && headers['retry-after'] === '2',
  flag: 'RL',
};
const circuit = (limits: object): FaultCase => ({
  fault: { kind: 'circuit', maxConnections: null, maxPendingRequests: null, maxRequests: null, ...limits },
  dose: 1,
  ask: { path: '/?waitMs=50' },
  isFaulted: ({ status, headers }) => status === 503 && headers['x-envoy-overloaded'] === 'true',
  flag: 'UO',
});
export const CIRCUITS: Readonly<Record<string, FaultCase>> = {
  'circuit-requests': circuit({ maxRequests: 2 }),
  'circuit-connections': circuit({ maxConnections: 2, maxPendingRequests: 1 }),
};
export const CASES: Readonly<Record<string, FaultCase>> = { ...SHARES, throttle: THROTTLE, ...CIRCUITS };
