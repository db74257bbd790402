import { grouped, percent } from '../../machines/judge/index.ts';
import { quotable } from '../metrics/counter-selector.ts';
import type { Answer } from '../metrics/questions.ts';
import { REQUESTS_METRIC } from '../metrics/wants.ts';

/** PromQL that counts what has arrived at the target lately, by its own proxies, which see callers without a sidecar too. */
export function coverageQuery({
  namespace,
  hosts,
}: {
  readonly namespace: string;
  readonly hosts: readonly string[];
}): string {
  const names = hosts.map(quotable).join('|');
  const of = `reporter="destination",destination_service_namespace="${quotable(namespace)}",destination_service_name=~"${names}"`;
  return `sum by (source_workload) (increase(${REQUESTS_METRIC}{${of}}[10m]))`;
}

/** What Istio writes for a caller that it does not know. */
const UNKNOWN = ['unknown', ''];

/** Which share of what arrives at the target a fault of callers' proxies can touch at all, in a sentence. Pure. */
export function coverageInWords(answer: Answer): string {
  if (answer.state === 'unknown') return `not known: ${answer.message}`;
  const sum = (samples: typeof answer.samples) => samples.reduce((all, { value }) => all + value, 0);
  const all = sum(answer.samples);
  if (all === 0) return 'not known: the proxies of the target count no requests, or it has none';
  const meshed = sum(answer.samples.filter(({ labels }) => !UNKNOWN.includes(labels['source_workload'] ?? '')));
  return `${percent(meshed / all)} of ${grouped(Math.round(all))} requests that arrived at the target came from callers with a sidecar`;
}
