/**
 * Serves what the proxy of one caller of many services exposes, and the services' own counters, on a loopback port that it prints. Runs as
 * a process of its own, so that its work is not counted as the sampler's. Every counter grows with time, by a rate of its own.
 *
 *     node test/bench/fleet-exporter.child.ts RELEASES
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EDGES, revisionOf, serviceOf } from './fleet-names.ts';

interface Line {
  readonly text: string;
  /** Counted per second. */
  readonly rate: number;
}

const begun = Date.now() - 60_000;
const families = familiesOf(Number(process.argv[2]));

const server = createServer((_, response) => {
  const seconds = (Date.now() - begun) / 1000;
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
  for (const [name, lines] of families) {
    response.write(`# TYPE ${name} ${name.endsWith('milliseconds') ? 'histogram' : 'counter'}\n`);
    response.write(lines.map(({ text, rate }) => `${text} ${Math.floor(rate * seconds)}\n`).join(''));
  }
  response.end();
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));

function familiesOf(releases: number): ReadonlyMap<string, readonly Line[]> {
  const all = Array.from({ length: releases }, (_, index) => index).flatMap((index) =>
    (['stable', 'canary'] as const).map((arm) => ({ index, arm, rate: arm === 'stable' ? 20 : 2 })),
  );
  return new Map([
    [
      'istio_requests_total',
      all.flatMap((one) => [requests(one, '200', one.rate), requests(one, '503', one.rate / 100)]),
    ],
    ['istio_request_duration_milliseconds', all.flatMap(buckets)],
    ['orders_total', all.map((one) => counter('orders_total', one, one.rate))],
    ['orders_failed_total', all.map((one) => counter('orders_failed_total', one, one.rate / 200))],
  ]);
}

interface Version {
  readonly index: number;
  readonly arm: 'stable' | 'canary';
  readonly rate: number;
}

function requests(version: Version, code: string, rate: number): Line {
  return { text: `istio_requests_total{${requestLabels(version, code)}}`, rate };
}

function buckets(version: Version): Line[] {
  const name = 'istio_request_duration_milliseconds_bucket';
  return [...EDGES, Number.POSITIVE_INFINITY].map((edge) => ({
    text: `${name}{${requestLabels(version, '200')},le="${edge === Number.POSITIVE_INFINITY ? '+Inf' : edge}"}`,
    // Half of the requests take longer than 50 ms.
    rate: edge === Number.POSITIVE_INFINITY ? version.rate : version.rate * (edge / (edge + 50)),
  }));
}

function counter(name: string, { index, arm }: Version, rate: number): Line {
  const labels = `version="${revisionOf(index, arm)}",pod="${serviceOf(index)}-${revisionOf(index, arm)}-x7k2p"`;
  return { text: `${name}{${labels}}`, rate };
}

/** The labels of Istio's standard metrics, as a caller's proxy sets them. */
function requestLabels({ index, arm }: Version, code: string): string {
  const service = serviceOf(index);
  const host = `${service}-${revisionOf(index, arm)}`;
  const labels = {
    reporter: 'source',
    source_workload: 'web',
    source_canonical_service: 'web',
    source_canonical_revision: 'latest',
    source_workload_namespace: 'shop',
    source_principal: 'spiffe://cluster.local/ns/shop/sa/web',
    source_app: 'web',
    source_version: 'unknown',
    source_cluster: 'Kubernetes',
    destination_workload: service,
    destination_workload_namespace: 'shop',
    destination_principal: `spiffe://cluster.local/ns/shop/sa/${service}`,
    destination_app: service,
    destination_version: 'unknown',
    destination_service: `${host}.shop.svc.cluster.local`,
    destination_canonical_service: service,
    destination_canonical_revision: 'latest',
    destination_service_name: host,
    destination_service_namespace: 'shop',
    destination_cluster: 'Kubernetes',
    request_protocol: 'http',
    response_code: code,
    grpc_response_status: '',
    response_flags: '-',
    connection_security_policy: 'unknown',
  };
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',');
}
