/** What a controller says about itself at its /metrics. */
export interface OwnMetrics {
  /** Sum over all label values of a metric, 0 where there is none. */
  sum(name: string): number;
  /** Upper bound of the bucket of a histogram that holds the given quantile, in the histogram's unit. */
  quantile(name: string, quantile: number): number;
}

/** Reads /metrics of the controller at `address` (HOST:PORT). */
export async function ownMetrics(address: string): Promise<OwnMetrics> {
  const response = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const valuesOf = (name: string) =>
    lines
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .map((line) => ({ labels: line.slice(name.length), value: Number(line.slice(line.lastIndexOf(' ') + 1)) }));
  return {
    sum: (name) => valuesOf(name).reduce((total, { value }) => total + value, 0),
    quantile(name, quantile) {
      const buckets = valuesOf(`${name}_bucket`);
      const total = buckets.at(-1)?.value ?? 0;
      const found = buckets.find(({ value }) => value >= total * quantile);
      return Number(/le="([^"]+)"/.exec(found?.labels ?? '')?.[1] ?? Number.NaN);
    },
  };
}
