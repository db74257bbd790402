import type { ServicePort } from './revision-service.ts';

/** Protocols (of a port's name or appProtocol) for which Istio has no HTTP route. */
const NOT_HTTP = /^(tcp|udp|tls|https|mongo|mysql|redis)(-|$)/;

/** What a port carries where that is not HTTP or gRPC; undefined where it is, or may be. */
export function foreignProtocolOf(port: ServicePort | undefined): string | undefined {
  const protocol = (port?.appProtocol ?? port?.name ?? '').toLowerCase();
  return port?.protocol === 'UDP' || NOT_HTTP.test(protocol) ? protocol || 'UDP' : undefined;
}
