/** A Service by namespace and name. */
export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Whether `host`, as written in an object of namespace `from`, means `service`: short, with namespace, or full, whatever the
 * cluster's domain. Hosts are compared without regard to case, as DNS does.
 */
export function namesService(host: string, from: string, service: ServiceName): boolean {
  return namedService(host, from, service.namespace)?.toLowerCase() === service.name;
}

/** The Service of `namespace` that `host` names, or undefined where the host is of another form or namespace. */
export function namedService(host: string, from: string, namespace: string): string | undefined {
  const [name = '', itsNamespace = from, svc = 'svc'] = host.split('.');
  return svc === 'svc' && itsNamespace.toLowerCase() === namespace ? name : undefined;
}

/** The same spelling of a host for another Service of the same namespace. */
export function withService(host: string, service: string): string {
  const dot = host.indexOf('.');
  return dot < 0 ? service : service + host.slice(dot);
}

/**
 * Whether a wildcard host (`*` or `*.suffix`) covers every Service of `namespace`; false for hosts without a wildcard. The
 * cluster's domain is not known here: whatever follows `svc.` is taken for it, and alone only `cluster.local` is recognised.
 */
export function coversNamespace(host: string, namespace: string): boolean {
  if (host === '*') return true;
  if (!host.startsWith('*.')) return false;
  const suffix = host.slice(2).toLowerCase();
  return suffix.startsWith(`${namespace}.svc.`) || suffix.startsWith('svc.') || /^(cluster\.)?local$/.test(suffix);
}
