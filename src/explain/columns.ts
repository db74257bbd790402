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
  /** By quantity: `canary/requests`, `latency/stable/250` (requests of that bucket), `pods/NAME/failures` and so on. */
  quantities: z.record(z.string(), column),
});

const ARMS = ['canary', 'stable'] as const;

/** The batches as columns. Only what the metrics brought is kept: what the route gave is in the record's raises. */
export function toColumns(batches: readonly Batch[]): Columns {
  const quantities = new Map<string, (number | null)[]>();
  for (const [row, batch] of batches.entries()) {
    for (const [name, value] of quantitiesOf(batch)) {
      let values = quantities.get(name);
      if (values === undefined) {
        values = new Array<number | null>(batches.length).fill(null);
        quantities.set(name, values);
      }
      values[row] = value;
    }
  }
  const at = batches.map((batch, row) => batch.at - (batches[row - 1]?.at ?? 0));
  return { at, quantities: Object.fromEntries(quantities) };
}

type Quantity = readonly [name: string, value: number];

function quantitiesOf({ canary, stable, latency, stablePods }: Batch): readonly Quantity[] {
  return [
    ...counted('canary', canary),
    ...counted('stable', stable),
    ...(latency == null ? [] : ARMS.flatMap((arm) => timed(`latency/${arm}`, latency.edges, latency[arm]))),
    ...Object.entries(stablePods ?? {}).flatMap(([pod, counts]) => counted(`pods/${pod}`, counts)),
  ];
}

function counted(name: string, { requests, failures }: ArmCounts): readonly Quantity[] {
  return [
    [`${name}/requests`, requests],
    [`${name}/failures`, failures],
  ];
}

function timed(
  name: string,
  edges: readonly number[],
  { requests, within }: LatencyBatch['canary'],
): readonly Quantity[] {
  const own = edges.map((edge, i): Quantity => [`${name}/${edge}`, (within[i] ?? 0) - (within[i - 1] ?? 0)]);
  return [[`${name}/all`, requests], ...own];
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
    return {
      at: end,
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
