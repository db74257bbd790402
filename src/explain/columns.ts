import { z } from 'zod';
import type { ArmCounts, Batch, LatencyBatch } from '../../machines/judge/index.ts';

/**
 * Batches turned on their side: one list of numbers for each quantity, null where a batch lacks it. Times are differences, and so are
 * histogram buckets. A tenth of the batches as JSON before gzip and a third after it; exact for whole numbers below 2^53.
 */
export type Columns = z.output<typeof columnsSchema>;

const column = z.array(z.number().nullable());

export const columnsSchema = z.object({
  /** End of the first batch in ms, then the time from each batch to the next. */
  at: z.array(z.int()),
  /** By quantity: `length` (ms, of the time that the batch tells of), `canary/requests`, `latency/stable/250` (requests of that bucket), `pods/NAME/failures` and so on. */
  quantities: z.record(z.string(), column),
});

const ARMS = ['canary', 'stable'] as const;

/** The batches as columns. Only what the metrics brought is kept: what the route gave is in the record's raises. */
export function toColumns(batches: readonly Batch[]): Columns {
  const table = createTable(batches.length);
  const pods = new Map<string, CountColumns>();
  const [canary, stable] = [table.counts('canary'), table.counts('stable')];
  let timed: TimedColumns | null = null;
  for (const [row, batch] of batches.entries()) {
    writeCounts(canary, row, batch.canary);
    writeCounts(stable, row, batch.stable);
    const { latency, from } = batch;
    if (from != null && Number.isFinite(from)) table.column('length')[row] = batch.at - from;
    if (latency != null) {
      // Names are made only where the edges change: there may be hundreds of thousands of numbers.
      if (timed === null || !isSameList(timed.edges, latency.edges)) timed = table.timed(latency.edges);
      writeTimed(timed, row, latency);
    }
    for (const [pod, counts] of Object.entries(batch.stablePods ?? {})) {
      const columns = pods.get(pod) ?? table.counts(`pods/${pod}`);
      pods.set(pod, columns);
      writeCounts(columns, row, counts);
    }
  }
  const at = batches.map((batch, row) => batch.at - (batches[row - 1]?.at ?? 0));
  return { at, quantities: table.quantities() };
}

type Column = (number | null)[];

interface CountColumns {
  readonly requests: Column;
  readonly failures: Column;
}

interface TimedColumns {
  readonly edges: readonly number[];
  readonly canary: { readonly all: Column; readonly buckets: readonly Column[] };
  readonly stable: { readonly all: Column; readonly buckets: readonly Column[] };
}

function createTable(rows: number) {
  const columns = new Map<string, Column>();
  const column = (name: string): Column => {
    const known = columns.get(name) ?? new Array<number | null>(rows).fill(null);
    columns.set(name, known);
    return known;
  };
  const arm = (name: string, edges: readonly number[]) => ({
    all: column(`latency/${name}/all`),
    buckets: edges.map((edge) => column(`latency/${name}/${edge}`)),
  });
  return {
    column,
    counts: (name: string): CountColumns => ({
      requests: column(`${name}/requests`),
      failures: column(`${name}/failures`),
    }),
    timed: (edges: readonly number[]): TimedColumns => ({
      edges,
      canary: arm('canary', edges),
      stable: arm('stable', edges),
    }),
    quantities: () => Object.fromEntries(columns),
  };
}

function writeCounts(columns: CountColumns, row: number, { requests, failures }: ArmCounts): void {
  columns.requests[row] = requests;
  columns.failures[row] = failures;
}

function writeTimed(columns: TimedColumns, row: number, latency: LatencyBatch): void {
  for (const arm of ARMS) {
    const { requests, within } = latency[arm];
    columns[arm].all[row] = requests;
    let before = 0;
    for (const [i, bucket] of columns[arm].buckets.entries()) {
      bucket[row] = (within[i] ?? 0) - before;
      before = within[i] ?? 0;
    }
  }
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((value, i) => value === b[i]));
}

/** The batches of `toColumns`, equal in every number. */
export function fromColumns({ at, quantities }: Columns): readonly Batch[] {
  const edges = edgesIn(quantities);
  const pods = podsIn(quantities);
  let end = 0;
  return at.map((step, row) => {
    end += step;
    const value: Cell = (name) => quantities[name]?.[row] ?? null;
    const latency = latencyOf(edges, value);
    const stablePods = podsOf(pods, value);
    const length = value('length');
    return {
      at: end,
      ...(length !== null && { from: end - length }),
      canary: countsOf('canary', value) ?? NOTHING,
      stable: countsOf('stable', value) ?? NOTHING,
      ...(latency !== null && { latency }),
      ...(stablePods !== null && { stablePods }),
    };
  });
}

/** The value of one quantity in the row that is read; null where it has none. */
type Cell = (name: string) => number | null;

const NOTHING: ArmCounts = { requests: 0, failures: 0 };

function countsOf(name: string, value: Cell): ArmCounts | null {
  const requests = value(`${name}/requests`);
  return requests === null ? null : { requests, failures: value(`${name}/failures`) ?? 0 };
}

function latencyOf(edges: readonly number[], value: Cell): LatencyBatch | null {
  if (value('latency/canary/all') === null) return null;
  const own = edges.filter((edge) => value(`latency/canary/${edge}`) !== null);
  const arm = (name: (typeof ARMS)[number]) => {
    let within = 0;
    return {
      requests: value(`latency/${name}/all`) ?? 0,
      within: own.map((edge) => {
        within += value(`latency/${name}/${edge}`) ?? 0;
        return within;
      }),
    };
  };
  return { edges: own, canary: arm('canary'), stable: arm('stable') };
}

function podsOf(pods: readonly string[], value: Cell): Readonly<Record<string, ArmCounts>> | null {
  const counted = pods.flatMap((pod) => {
    const counts = countsOf(`pods/${pod}`, value);
    return counts === null ? [] : [[pod, counts] as const];
  });
  return counted.length === 0 ? null : Object.fromEntries(counted);
}

function edgesIn(quantities: Columns['quantities']): readonly number[] {
  return between(quantities, 'latency/canary/', '')
    .filter((edge) => edge !== 'all')
    .map(Number)
    .toSorted((a, b) => a - b);
}

function podsIn(quantities: Columns['quantities']): readonly string[] {
  return between(quantities, 'pods/', '/requests');
}

function between(quantities: Columns['quantities'], before: string, after: string): readonly string[] {
  return Object.keys(quantities)
    .filter((name) => name.startsWith(before) && name.endsWith(after))
    .map((name) => name.slice(before.length, name.length - after.length));
}
