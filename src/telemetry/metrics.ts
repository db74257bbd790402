import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What the controller counts about itself. */
export interface ControllerMetrics {
  readonly registry: Registry;
  /** One finished reconcile: how it ended and how long it took, in seconds. */
  reconciled(result: string, seconds: number): void;
  /** Time from the first change or evidence that asked for a look to the end of that look, in seconds. */
  latency(seconds: number): void;
  /** One poll of the metrics source. */
  polled(result: 'ok' | 'error', seconds: number): void;
  /** Whether the queue works with its server. */
  queueDegraded(isDegraded: boolean): void;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A registry of its own, so that tests and several controllers in one process do not share counters. */
export function createControllerMetrics(): ControllerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const reconciles = new Counter({
    name: 'sluice_reconciles_total',
    help: 'Reconciles by result.',
    labelNames: ['result'],
    registers,
  });
  const duration = new Histogram({
    name: 'sluice_reconcile_duration_seconds',
    help: 'Duration of a reconcile.',
    buckets: SECONDS,
    registers,
  });
  const delay = new Histogram({
    name: 'sluice_reconcile_latency_seconds',
    help: 'From the first event that asked for a look to the end of the look.',
    buckets: SECONDS,
    registers,
  });
  const polls = new Histogram({
    name: 'sluice_metrics_poll_duration_seconds',
    help: 'Duration of a poll of the metrics source by result.',
    labelNames: ['result'],
    buckets: SECONDS,
    registers,
  });
  const degraded = new Gauge({
    name: 'sluice_queue_degraded',
    help: '1 while the queue works without its server.',
    registers,
  });
  return {
    registry,
    reconciled(result, seconds) {
      reconciles.inc({ result });
      duration.observe(seconds);
    },
    latency: (seconds) => delay.observe(seconds),
    polled: (result, seconds) => polls.observe({ result }, seconds),
    queueDegraded: (isDegraded) => degraded.set(isDegraded ? 1 : 0),
  };
}

/** What the reaper counts, in `registry`: any of it means that fuses do not end faults by themselves. */
export function createReaperMetrics(registry: Registry): { readonly reaped: (object: string) => void } {
  collectDefaultMetrics({ register: registry });
  const deleted = new Counter({
    name: 'sluice_reaper_deleted_total',
    help: 'Faults and fuses past their time that the reaper deleted, by kind.',
    labelNames: ['kind'],
    registers: [registry],
  });
  return { reaped: (object) => deleted.inc({ kind: object.split(' ')[0] ?? '' }) };
}
