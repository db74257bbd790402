import type { Clock } from '../lib/clock.ts';
import type { Inquiry } from './inquiry.ts';
import { type Inspection, sourceObjection } from './inspection.ts';
import { inspectCounters } from './inspection-counters.ts';
import { inspectDurations, inspectRequests } from './inspection-requests.ts';
import { DEFAULT_MEASURE, type SourceRef, type Subject } from './port.ts';
import type { MetricsClient } from './provider.ts';

/** Checks objectives against what their source has, before any traffic moves. */
export interface Inspector {
  /** Of one objective, at the time `at` (ms). Never throws for what a source does or does not do. */
  inspect(subject: Subject, at: number, signal?: AbortSignal): Promise<Inspection>;
}

export interface InspectorOptions {
  readonly clientOf: (ref: SourceRef | undefined) => MetricsClient;
  readonly clock: Clock;
  /** A source whose clock is off by more than this is not used, in ms. Default 2000. */
  readonly maxSkewMs?: number;
}

export function createInspector({ clientOf, clock, maxSkewMs = 2000 }: InspectorOptions): Inspector {
  return {
    async inspect(subject, at, signal = new AbortController().signal) {
      const client = clientOf(subject.source);
      const measure = subject.measure ?? DEFAULT_MEASURE;
      const inquiry = {
        subject: { ...subject, measure },
        at,
        client,
        reader: { provider: client, clock, maxSkewMs },
        signal,
      };
      try {
        return await inspectMeasure(inquiry);
      } catch (error) {
        return { problem: sourceObjection(error, client.name, fieldOf(measure.kind)), past: [], warnings: [] };
      }
    },
  };
}

function inspectMeasure(inquiry: Inquiry): Promise<Inspection> {
  const { measure } = inquiry.subject;
  switch (measure.kind) {
    case 'requests':
    case 'faults':
      return inspectRequests(inquiry);
    case 'durations':
      return inspectDurations(inquiry, measure);
    case 'counters':
      return inspectCounters(inquiry, measure);
  }
}

function fieldOf(kind: Inquiry['subject']['measure']['kind']): string {
  return kind === 'counters' ? 'prometheus' : 'requests';
}
