import { AppError } from '../lib/errors.ts';
import type { Kind } from './port.ts';

/** Query parameters of a request; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** The URL path of a collection: all namespaces where `namespace` is absent or the kind has none. */
export function collectionPath(kind: Kind, namespace?: string): string {
  const root = kind.apiVersion.includes('/') ? '/apis' : '/api';
  const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}/${kind.apiVersion}${scope}/${kind.plural}`;
}

/** The URL path of one object or of its subresource. A namespaced kind without a namespace is an InvariantError. */
export function objectPath(
  kind: Kind,
  object: { readonly namespace?: string | undefined; readonly name: string },
  subresource?: string,
): string {
  requireNamespace(kind, object.namespace);
  const path = `${collectionPath(kind, object.namespace)}/${encodeURIComponent(object.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** Refuses to address objects of a namespaced kind without naming a namespace: it would address another URL. */
export function requireNamespace(kind: Kind, namespace: string | undefined): void {
  if (kind.namespaced && !namespace) {
    throw new AppError(
      'InvariantError',
      'NAMESPACE_MISSING',
      `a ${kind.kind} was addressed without metadata.namespace`,
    );
  }
}

/** `?a=1&b=2`, or nothing. */
export function queryString(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
