import type { z } from 'zod';

/**
 * One rule about a value, stated twice: in CEL for the API server and in TypeScript for everybody else. Both refuse with the same
 * message; the contract test in test/contract/api holds them together.
 */
export interface Rule<T> {
  /** CEL over `self`; true means that the value is right. */
  readonly cel: string;
  readonly holds: (value: T) => boolean;
  /** What is wrong and what to do about it. Names the values where `messageCel` and `messageFor` say how. */
  readonly message: string;
  /** CEL for a message that shows the value. */
  readonly messageCel?: string;
  /** The same message as `messageCel`. */
  readonly messageFor?: (value: T) => string;
  /** The field below `self` that has to change, for example `analysis.bake`; default: `self`. */
  readonly field?: string;
}

/** One entry of `x-kubernetes-validations`. */
export interface CelValidation {
  readonly rule: string;
  readonly message: string;
  readonly messageExpression?: string;
  readonly fieldPath?: string;
}

/** Key of a schema's metadata under which its CEL rules stand; copied into the CRD as it is. */
export const VALIDATIONS = 'x-kubernetes-validations';

/** The schema with the rule added, for the API server and for `parseRollout`. */
export function withRule<S extends z.ZodType>(schema: S, rule: Rule<z.output<S>>): S {
  const { cel, holds, message, messageCel, messageFor, field } = rule;
  const refined = schema.refine((value) => holds(value), {
    error: (issue) => messageFor?.(issue.input as z.output<S>) ?? message,
    ...(field !== undefined && { path: field.split('.') }),
  });
  return withValidation(refined, schema.meta(), {
    rule: cel,
    message,
    ...(messageCel !== undefined && { messageExpression: messageCel }),
    ...(field !== undefined && { fieldPath: `.${field}` }),
  });
}

/** A rule about a change; only the API server sees both sides of one. */
export interface ChangeRule {
  /** CEL over `self` and `oldSelf`; true means that the change is right. */
  readonly cel: string;
  readonly message: string;
  /** CEL for a message that shows the object. */
  readonly messageCel?: string;
  /** The field below `self` that must not change so; default: `self`. */
  readonly field?: string;
}

/** The schema with the rule added, for the API server. */
export function withChangeRule<S extends z.ZodType>(schema: S, { cel, message, messageCel, field }: ChangeRule): S {
  return withValidation(schema, schema.meta(), {
    rule: cel,
    message,
    ...(messageCel !== undefined && { messageExpression: messageCel }),
    ...(field !== undefined && { fieldPath: `.${field}` }),
  });
}

/** The schema with the rule that its value never changes once the object exists. */
export function immutable<S extends z.ZodType>(schema: S, message: string): S {
  return withChangeRule(schema, { cel: 'self == oldSelf', message });
}

/** Rule that exactly one of `blocks` is set; `cure` says which one to add when there is none. */
export function exactlyOneOf(blocks: readonly string[], cure: string): Rule<Readonly<Record<string, unknown>>> {
  const need =
    blocks.length === 1 ? `needs the block ${blocks[0]}` : `needs exactly one of the blocks ${blocks.join(', ')}`;
  return {
    cel: `[${blocks.map((block) => `has(self.${block})`).join(', ')}].filter(x, x).size() == 1`,
    holds: (value) => blocks.filter((block) => value[block] !== undefined).length === 1,
    message: `${need}: ${cure}`,
  };
}

function withValidation<S extends z.ZodType>(schema: S, meta: z.GlobalMeta | undefined, validation: CelValidation): S {
  const present = (meta?.[VALIDATIONS] ?? []) as readonly CelValidation[];
  return schema.meta({ ...meta, [VALIDATIONS]: [...present, validation] });
}
