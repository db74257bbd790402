import { z } from 'zod';

/** A JSON Schema node as `spec.versions[].schema.openAPIV3Schema` of a CustomResourceDefinition takes it. */
export interface StructuralSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly required?: readonly string[];
  readonly items?: StructuralSchema;
  /** Schema of the values of a map. */
  readonly additionalProperties?: StructuralSchema;
  readonly [keyword: string]: unknown;
}

/** Keywords in the order in which people read them; what is not listed follows. */
const ORDER = ['description', 'type', 'format', 'enum', 'default'];

/** The structural OpenAPI v3 schema of a zod schema's input, for a CustomResourceDefinition. */
export function toStructuralSchema(schema: z.ZodType): StructuralSchema {
  return structural(z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0' }) as StructuralSchema);
}

function structural(node: StructuralSchema): StructuralSchema {
  // Objects are pruned by the API server, which takes no `additionalProperties` beside `properties`; only maps keep it.
  const { additionalProperties, propertyNames: _text, anyOf, ...rest } = node;
  const converted: Record<string, unknown> =
    node['x-kubernetes-int-or-string'] === true ? rest : withoutTypeRange(rest);
  if (anyOf !== undefined && node['x-kubernetes-int-or-string'] !== true) {
    throw new TypeError(`a union cannot be in a structural schema: ${JSON.stringify(node)}`);
  }
  for (const bound of [node['minimum'], node['maximum'], node['multipleOf']]) {
    if (typeof bound === 'number' && !Number.isInteger(bound)) {
      throw new TypeError(
        `the API server cuts the bound ${bound} for whole values: use numberBetween in src/api/fields.ts`,
      );
    }
  }
  if (node.properties !== undefined) {
    converted['properties'] = Object.fromEntries(
      Object.entries(node.properties).map(([name, property]) => [name, structural(property)]),
    );
  }
  if (node.items !== undefined) converted['items'] = structural(node.items);
  if (node.properties === undefined && additionalProperties?.type !== undefined) {
    converted['additionalProperties'] = structural(additionalProperties);
  }
  // The API server checks a default against the rules as it stands, before the defaults inside it are filled in.
  if (isEmptyObject(node.default)) converted['default'] = nestedDefaults(node);
  return ordered(converted);
}

/** Drops the bounds that zod adds for what a double holds exactly, and says the width instead. */
function withoutTypeRange(node: Record<string, unknown>): Record<string, unknown> {
  if (node['type'] !== 'integer') return { ...node };
  const { minimum, maximum, ...rest } = node;
  const isOwn = (bound: unknown) => typeof bound === 'number' && Number.isSafeInteger(bound) && !isTypeBound(bound);
  return {
    ...rest,
    format: 'int64',
    ...(isOwn(minimum) && { minimum }),
    ...(isOwn(maximum) && { maximum }),
  };
}

function isTypeBound(bound: number): boolean {
  return bound === Number.MAX_SAFE_INTEGER || bound === Number.MIN_SAFE_INTEGER;
}

function ordered(node: Record<string, unknown>): StructuralSchema {
  const rank = (keyword: string) => (ORDER.indexOf(keyword) + ORDER.length + 1) % (ORDER.length + 1);
  return Object.fromEntries(Object.entries(node).sort(([a], [b]) => rank(a) - rank(b)));
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function nestedDefaults({ properties = {} }: StructuralSchema): Record<string, unknown> {
  const withDefault = Object.entries(properties).filter(([, property]) => property.default !== undefined);
  return Object.fromEntries(withDefault.map(([name, property]) => [name, property.default]));
}
