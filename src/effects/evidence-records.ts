import type { EvidenceRecord } from '../explain/record.ts';
import { encodeWithin, MOST_BYTES } from '../explain/shorten.ts';
import {
  type ConfigMap,
  evidenceConfigMap,
  evidenceName,
  evidenceSelector,
  RECORD_KEY,
  summaryOf,
} from '../explain/stored.ts';
import { kinds } from '../kube/kinds.ts';
import type { Kube } from '../kube/port.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import type { Log } from '../telemetry/log.ts';
import { FIELD_MANAGER } from './rollout-effects.ts';

/** Keeps the evidence of releases where it outlives them. */
export interface EvidenceRecords {
  /**
   * Stores the record of `read()` unless that was done for this `stamp` already. Returns at once and never throws: no route waits for
   * it and no reconcile fails by it. What cannot be stored after some tries is logged and left until the next stamp.
   */
  keep(key: string, stamp: string, read: () => EvidenceRecord): void;
  /** Forgets what was stored for a Rollout that is gone. */
  forget(key: string): void;
}

export interface EvidenceRecordsOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'debug'>;
  /** For the jitter of retries. */
  readonly random?: Random;
  /** Default: `MOST_BYTES`. */
  readonly mostBytes?: number;
}

/** Records kept for each Rollout. */
const MOST_RECORDS = 5;
const MOST_TRIES = 5;
const RETRY = { baseMs: 1_000, maxMs: 15_000 } as const;

interface Keeping {
  stamp: string;
  /** What is to be stored next; a newer record takes its place. */
  next: EvidenceRecord | null;
  isBusy: boolean;
}

export function createEvidenceRecords(options: EvidenceRecordsOptions): EvidenceRecords {
  const known = new Map<string, Keeping>();
  return {
    keep(key, stamp, read) {
      const keeping = known.get(key) ?? { stamp: '', next: null, isBusy: false };
      if (keeping.stamp === stamp) return;
      known.set(key, keeping);
      keeping.stamp = stamp;
      keeping.next = read();
      if (!keeping.isBusy) void storeAll(options, key, keeping);
    },
    forget(key) {
      known.delete(key);
    },
  };
}

/** One at a time for each Rollout, so that an old record never lands on a new one. Never rejects. */
async function storeAll(options: EvidenceRecordsOptions, key: string, keeping: Keeping): Promise<void> {
  keeping.isBusy = true;
  for (let failures = 0; keeping.next !== null; ) {
    const record = keeping.next;
    try {
      await storeRecord(options, record);
      failures = 0;
      if (keeping.next === record) keeping.next = null;
    } catch (error) {
      failures += 1;
      if (failures >= MOST_TRIES || !mayPass(error)) {
        options.log.warn({ rollout: key, err: error }, 'evidence record not stored');
        failures = 0;
        if (keeping.next === record) keeping.next = null;
      } else await wait(options.clock, backoffMs({ failures, ...RETRY, random: options.random ?? systemRandom }));
    }
  }
  keeping.isBusy = false;
}

function mayPass(error: unknown): boolean {
  return isAppError(error, 'TransientError') || isAppError(error, 'ConflictError');
}

/** Does not keep the process alive: a record that is lost with it is written again after the restart. */
function wait(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}

async function storeRecord(options: EvidenceRecordsOptions, record: EvidenceRecord): Promise<void> {
  const { kube, clock, mostBytes = MOST_BYTES } = options;
  const bytes = await encodeWithin(record, { mostBytes, pause: () => wait(clock, 0) });
  const wanted = evidenceConfigMap(record, bytes);
  const { namespace } = record.rollout;
  const found = await kube.get<ConfigMap>({ kind: kinds.configMap, namespace, name: evidenceName(record) });
  if (found === undefined) {
    await kube.create(kinds.configMap, wanted, { fieldManager: FIELD_MANAGER });
    await removeOldest(kube, record);
    return;
  }
  requireOwn(found);
  if (isSame(found, wanted)) return;
  const { resourceVersion } = found.metadata;
  const guarded = {
    ...wanted,
    metadata: { ...wanted.metadata, ...(resourceVersion !== undefined && { resourceVersion }) },
  };
  await kube.replace(kinds.configMap, guarded, { fieldManager: FIELD_MANAGER });
}

function requireOwn(found: ConfigMap): void {
  if (summaryOf(found) !== null) return;
  const { name } = found.metadata;
  const message = `ConfigMap ${name} is not Sluice's: rename it, so that evidence can be kept under this name`;
  throw new AppError('ConfigError', 'EVIDENCE_NAME_TAKEN', message);
}

function isSame(found: ConfigMap, wanted: ConfigMap): boolean {
  const [a, b] = [found, wanted].map((configMap) => [configMap.binaryData?.[RECORD_KEY], summaryOf(configMap)]);
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Deletes what is older than the newest records; the Rollout's own and no others. */
async function removeOldest(kube: Kube, { rollout: { namespace, name, uid } }: EvidenceRecord): Promise<void> {
  const { items } = await kube.list<ConfigMap>(kinds.configMap, { namespace, labelSelector: evidenceSelector(name) });
  const old = items
    .flatMap((configMap) => {
      const summary = summaryOf(configMap);
      return summary?.rolloutUid === uid ? [{ configMap, startedAt: summary.startedAt }] : [];
    })
    .toSorted((a, b) => b.startedAt - a.startedAt)
    .slice(MOST_RECORDS);
  for (const { configMap } of old) {
    const { uid: own } = configMap.metadata;
    const ref = { kind: kinds.configMap, namespace, name: configMap.metadata.name };
    await kube.delete(ref, own === undefined ? {} : { uid: own });
  }
}
