import type { Failure, Second, Totals, VersionRecord } from './record.ts';

/** Port of a load's report and control, on its pod's address. */
export const REPORT_PORT = 9902;

/** What `GET /report` answers. */
export interface Report extends Totals {
  readonly target: string;
  /** Requests per second asked for at present. */
  readonly rate: number;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly inFlight: number;
  /** Since the start, by `service=version`. */
  readonly versions: Readonly<Record<string, VersionRecord>>;
  /** Finished seconds from `since` on. */
  readonly seconds: readonly Second[];
  /** Failures from `since` on, the latest 20 000. */
  readonly failures: readonly Failure[];
}

async function ask<T>(url: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** Reads the report of the load at `podIp`; seconds and failures only from `sinceMs` (ms since the epoch) on. */
export function readReport(podIp: string, sinceMs = 0): Promise<Report> {
  return ask(`http://${podIp}:${REPORT_PORT}/report?since=${sinceMs}`);
}

/** Changes the rate of the load at `podIp`, in requests per second; 0 pauses it. */
export async function setRate(podIp: string, rate: number): Promise<void> {
  await ask(`http://${podIp}:${REPORT_PORT}/rate`, { method: 'PUT', body: JSON.stringify({ rate }) });
}
