import { type Problem, parseAs } from './parse.ts';
import { type Rollout, rolloutSchema } from './rollout.ts';

export type { Problem } from './parse.ts';

export type ParsedRollout =
  | { readonly ok: true; readonly rollout: Rollout }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Checks a Rollout as {@link parseAs} says. */
export function parseRollout(object: unknown): ParsedRollout {
  const parsed = parseAs(rolloutSchema, object);
  return parsed.ok ? { ok: true, rollout: parsed.value } : parsed;
}
