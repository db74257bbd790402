interface Answer {
  readonly data?: { readonly result?: readonly { readonly values: readonly (readonly [number, string])[] }[] };
}

const RANGE = '10m';

/** When callers of a revision were scraped in the last minutes, ms since the epoch, in order: each time once. */
export async function scrapesOf(revision: string): Promise<readonly number[]> {
  const query = `istio_requests_total{destination_service_name=~".*-${revision}"}[${RANGE}]`;
  const url = `${process.env['PROMETHEUS_URL']}/api/v1/query?query=${encodeURIComponent(query)}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  const { data } = (await response.json()) as Answer;
  const times = (data?.result ?? []).flatMap(({ values }) => values.map(([seconds]) => seconds * 1000));
  return [...new Set(times)].sort((a, b) => a - b);
}
