import { bucketCounts } from './native-histograms.ts';

/** A histogram in the form that an exporter gives it; `schema` null for classic buckets only. */
export interface ExposedHistogram {
  readonly labels: Readonly<Record<string, string>>;
  readonly durations: readonly number[];
  /** Classic buckets; none where empty. */
  readonly edges: readonly number[];
  /** Resolution of the native ones. */
  readonly schema: number | null;
}

/** What a scrape is told to take for native histograms. */
export const PROTOBUF_TYPE =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

/** One family of histograms as a delimited `MetricFamily`, by the numbers of the fields in Prometheus' metrics.proto. */
export function histogramFamily(name: string, histograms: readonly ExposedHistogram[]): Buffer {
  const HISTOGRAM = 4;
  const family = [text(1, name), text(2, 'How long requests took.'), varint(3, HISTOGRAM), ...histograms.map(metric)];
  const bytes = Buffer.concat(family);
  return Buffer.concat([number(BigInt(bytes.length)), bytes]);
}

function metric({ labels, ...histogram }: ExposedHistogram): Buffer {
  const pairs = Object.entries(labels).map(([name, value]) => message(1, [text(1, name), text(2, value)]));
  return message(4, [...pairs, message(7, histogramFields(histogram))]);
}

function histogramFields({ durations, edges, schema }: Omit<ExposedHistogram, 'labels'>): readonly Buffer[] {
  const limits = edges.length === 0 ? [] : [...edges, Number.POSITIVE_INFINITY];
  const classic = limits.map((edge) =>
    message(3, [varint(1, durations.filter((ms) => ms <= edge).length), double(2, edge)]),
  );
  const sum = durations.reduce((all, ms) => all + ms, 0);
  return [
    varint(1, durations.length),
    double(2, sum),
    ...classic,
    ...(schema === null ? [] : native(schema, durations)),
  ];
}

/** Each bucket as a span of its own, and its count as the difference to the one before. */
function native(schema: number, durations: readonly number[]): readonly Buffer[] {
  const counts = [
    ...bucketCounts(
      schema,
      durations.filter((ms) => ms > ZERO_TO),
    ),
  ];
  const spans = counts.map(([index], i) => {
    const before = counts[i - 1];
    return message(12, [signed(1, before === undefined ? index : index - before[0] - 1), varint(2, 1)]);
  });
  const deltas = counts.map(([, count], i) => signed(13, count - (counts[i - 1]?.[1] ?? 0)));
  const zeros = durations.filter((ms) => ms <= ZERO_TO).length;
  return [signed(5, schema), double(6, ZERO_TO), varint(7, zeros), ...spans, ...deltas];
}

const ZERO_TO = 1e-9;
const [VARINT, FIXED64, BYTES] = [0, 1, 2];

function varint(field: number, value: number): Buffer {
  return Buffer.concat([key(field, VARINT), number(BigInt(value))]);
}

/** Zigzag. */
function signed(field: number, value: number): Buffer {
  return varint(field, value < 0 ? -2 * value - 1 : 2 * value);
}

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(field, FIXED64), bytes]);
}

function text(field: number, value: string): Buffer {
  return message(field, [Buffer.from(value, 'utf8')]);
}

function message(field: number, parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([key(field, BYTES), number(BigInt(bytes.length)), bytes]);
}

function key(field: number, type: number): Buffer {
  return number(BigInt(field * 8 + type));
}

function number(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128n) {
    bytes.push(Number(rest % 128n) + 128);
    rest /= 128n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}
