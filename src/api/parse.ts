import type { z } from 'zod';
import { issueMessage } from './issue-message.ts';

/** One thing that is wrong with an object. */
export interface Problem {
  /** The field, as `kubectl` writes it: `spec.strategy.canary.steps[0].weight`. */
  readonly path: string;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Checks an object as the API server would and fills in the defaults. Beyond the API server it refuses unknown fields of the spec: a
 * controller that is older than its CRD must not ignore what it does not know.
 */
export function parseAs<S extends z.ZodType>(schema: S, object: unknown): Parsed<z.output<S>> {
  const parsed = schema.safeParse(object);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, object)) };
}

function problemsOf(issue: z.core.$ZodIssue, object: unknown): readonly Problem[] {
  const path = formatPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: formatPath([...issue.path, key]),
      message: `unknown field "${formatPath([...issue.path, key])}": correct its spelling or remove it`,
    }));
  }
  return [{ path, message: issueMessage(issue, valueAt(object, issue.path)) }];
}

/** A path in the notation of Kubernetes messages. */
function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function valueAt(object: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, part) => {
    return typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined;
  }, object);
}
