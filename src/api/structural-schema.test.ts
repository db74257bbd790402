import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { customKinds, structuralSchemaOf } from './crd.ts';
import { type StructuralSchema, toStructuralSchema } from './structural-schema.ts';

/** What the API server's rules for structural schemas allow in a node, of all that Sluice uses. */
const ALLOWED = new Set([
  ...['type', 'format', 'description', 'default', 'enum', 'nullable', 'properties', 'required', 'items'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'minLength', 'maxLength', 'minItems', 'maxItems'],
  ...['x-kubernetes-validations', 'x-kubernetes-int-or-string', 'x-kubernetes-preserve-unknown-fields'],
  ...['x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'additionalProperties', 'maxProperties'],
]);

const SEEN: Readonly<Record<string, readonly string[]>> = {
  Rollout: ['.spec.strategy.canary.steps[].weight', '.spec.objectives[].prometheus.bad', '.status.machine.context'],
  ServiceLevelObjective: ['.spec.prometheus.total', '.spec.requests.failures.httpStatus[]'],
  MetricsSource: ['.spec.headers{}', '.spec.auth.basic.passwordSecretKeyRef.key'],
  ChaosExperiment: ['.spec.fault.abort.httpStatus', '.spec.callers.matchLabels{}', '.status.seen.touched'],
  ChaosSchedule: ['.spec.template.spec.fault.delay.spread[].share', '.spec.windows[].dates.from', '.status.active[]'],
  SafetyPolicy: ['.spec.halt', '.spec.protectedNamespaces[]'],
};

describe.each(customKinds)('the schema of $kind', (custom) => {
  const nodes = nodesOf(structuralSchemaOf(custom), '');

  it('has every field that the tests below look at', () => {
    expect(nodes.map(([path]) => path)).toEqual(expect.arrayContaining([...(SEEN[custom.kind] ?? ['none'])]));
  });

  it.each(nodes)('is structural at %s', (path, node) => {
    expect(Object.keys(node).filter((keyword) => !ALLOWED.has(keyword))).toEqual([]);
    const isIntOrString = node['x-kubernetes-int-or-string'] === true;
    expect(node.type === undefined).toBe(isIntOrString);
    if (node.type === 'array') expect(node.items).toBeDefined();
    if (node.type === 'object' && node.properties === undefined && node.additionalProperties === undefined) {
      expect(node['x-kubernetes-preserve-unknown-fields'] ?? path === '.metadata').toBe(true);
    }
  });

  it.each(nodes.filter(([path]) => /^[.](spec|status)[.].*[^\]}]$/.test(path)))('says what %s means', (_path, node) => {
    expect(node.description).toMatch(/^[A-Z"].{5,}[.)]$/s);
  });

  it.each(
    nodes.filter(([path, node]) => path.startsWith('.spec') && (node.type === 'string' || node.type === 'array')),
  )('bounds %s, so that no CEL rule can cost much', (_path, node) => {
    expect(node['maxLength'] ?? node['maxItems'] ?? node['enum']).toBeDefined();
  });
});

describe('toStructuralSchema', () => {
  it('refuses a union, which no structural schema can say', () => {
    expect(() => toStructuralSchema(z.object({ a: z.union([z.string(), z.boolean()]) }))).toThrow('a union');
  });

  it('refuses fractional bounds, which the API server cuts to whole numbers', () => {
    expect(() => toStructuralSchema(z.object({ a: z.number().min(0.01) }))).toThrow('cuts the bound 0.01');
  });

  it('fills in the defaults inside a default, as rules see it without them', () => {
    const schema = z.object({ a: z.object({ b: z.string().default('x'), c: z.string().optional() }).prefault({}) });
    expect(toStructuralSchema(schema).properties?.['a']?.default).toEqual({ b: 'x' });
  });

  it('keeps the limits of an integer and drops those of the number type', () => {
    const { properties } = toStructuralSchema(z.object({ own: z.int().min(1).max(9), none: z.int() }));
    expect(properties?.['own']).toEqual({ type: 'integer', format: 'int64', minimum: 1, maximum: 9 });
    expect(properties?.['none']).toEqual({ type: 'integer', format: 'int64' });
  });
});

function nodesOf(node: StructuralSchema, path: string): readonly (readonly [string, StructuralSchema])[] {
  const children = Object.entries(node.properties ?? {}).flatMap(([name, child]) => nodesOf(child, `${path}.${name}`));
  const items = node.items === undefined ? [] : nodesOf(node.items, `${path}[]`);
  const values = node.additionalProperties === undefined ? [] : nodesOf(node.additionalProperties, `${path}{}`);
  return [[path, node], ...children, ...items, ...values];
}
