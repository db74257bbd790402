import { isAppError } from '../lib/errors.ts';
import type { Kind } from './port.ts';
import type { ReflectorEvent } from './reflector.ts';

/** Kinds of Sluice that the API server does not serve or does not let us watch, as after an upgrade of the controller alone. */
export interface MissingKinds {
  observe(kind: Kind, event: ReflectorEvent): void;
  /** What is missing and the cure, or null. */
  reason(): string | null;
}

/** `tell` hears once of each kind that goes missing. */
export function createMissingKinds(tell: (reason: string) => void): MissingKinds {
  const missing = new Map<string, string>();
  return {
    observe(kind, event) {
      if (!kind.apiVersion.startsWith('sluice.dev/')) return;
      if (event.type === 'listed') missing.delete(kind.kind);
      const reason = event.type === 'failed' ? whyMissing(kind, event.error) : null;
      if (reason === null || missing.get(kind.kind) === reason) return;
      missing.set(kind.kind, reason);
      tell(reason);
    },
    reason: () => (missing.size === 0 ? null : [...missing.values()].join('; ')),
  };
}

function whyMissing({ kind }: Kind, error: unknown): string | null {
  if (isAppError(error) && error.code === 'KIND_NOT_SERVED') return `${kind} is not served: apply crds/`;
  if (isAppError(error) && error.code === 'FORBIDDEN') return `${kind} may not be watched: apply deploy/rbac.yaml`;
  return null;
}
