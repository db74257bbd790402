import type { Kind, KubeObject, ObjectMeta } from '../../src/kube/port.ts';
import { type RequestContext, translateStatus } from '../../src/kube/translate-error.ts';
import { AppError } from '../../src/lib/errors.ts';
import { readable } from './fake-kube-fields.ts';

/** Errors go the way of the real answers, so that class, code and message are those of the real client. */
export function refuse(
  context: RequestContext,
  status: { readonly code: number; readonly reason: string; readonly message: string; readonly details?: object },
): AppError {
  const body = JSON.stringify({ kind: 'Status', apiVersion: 'v1', ...status });
  return translateStatus(context, { status: status.code, body });
}

export function conflict(context: RequestContext, detail = 'the object has been modified'): AppError {
  return refuse(context, {
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${context.resource}: ${detail}`,
  });
}

export function fieldConflict(context: RequestContext, held: readonly { manager: string; path: string }[]): AppError {
  const causes = held.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${manager}"`,
    field: readable(path),
  }));
  return refuse(context, {
    code: 409,
    reason: 'Conflict',
    message: `Apply failed with ${held.length} conflicts`,
    details: { causes },
  });
}

export const aborted = (): AppError => new AppError('TransientError', 'ABORTED', 'the watch was aborted');

export function contextOf(
  verb: RequestContext['verb'],
  kind: Kind,
  what: { readonly namespace?: string | undefined; readonly name?: string | undefined },
): RequestContext {
  const group = kind.apiVersion.includes('/') ? `.${kind.apiVersion.split('/')[0]}` : '';
  return { verb, resource: `${kind.plural}${group}`, namespace: what.namespace, name: what.name };
}

export function checkVersion(context: RequestContext, before: KubeObject, given: ObjectMeta): void {
  if (given.uid !== undefined && given.uid !== before.metadata.uid)
    throw conflict(context, 'Precondition failed: UID in precondition');
  if (given.resourceVersion && given.resourceVersion !== before.metadata.resourceVersion) throw conflict(context);
}
