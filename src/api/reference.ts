import { VALIDATIONS } from './rule.ts';
import type { StructuralSchema } from './structural-schema.ts';

interface Row {
  readonly path: string;
  readonly type: string;
  readonly default: string;
  readonly meaning: string;
}

/** Rows of a table with every field of a schema: path, type, default, meaning. Lists are written `steps[]`. */
export function referenceTable(schema: StructuralSchema, path: string): string {
  const rows = rowsOf(schema, path).map((row) => `| \`${row.path}\` | ${row.type} | ${row.default} | ${row.meaning} |`);
  return ['| field | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function rowsOf(node: StructuralSchema, path: string): readonly Row[] {
  const required = new Set(node.required ?? []);
  return Object.entries(node.properties ?? {}).flatMap(([name, property]) => {
    const isList = property.items !== undefined;
    const childPath = `${path}.${name}${isList ? '[]' : ''}`;
    const row: Row = {
      path: childPath,
      type: typeOf(property),
      default: required.has(name) ? 'required' : defaultOf(property),
      meaning: cell(property.description ?? ''),
    };
    return [row, ...rowsOf(property.items ?? property, childPath)];
  });
}

function typeOf(node: StructuralSchema): string {
  if (node['x-kubernetes-int-or-string'] === true) return 'integer or string';
  if (Array.isArray(node['enum'])) return node['enum'].map((value) => `\`${String(value)}\``).join(', ');
  if (node.items !== undefined) return 'list';
  if (node.additionalProperties !== undefined) return 'map of text';
  if (isDuration(node)) return 'duration';
  return node['format'] === 'date-time' ? 'time' : (node.type ?? 'any');
}

function isDuration(node: StructuralSchema): boolean {
  return JSON.stringify(node[VALIDATIONS] ?? []).includes('duration(self)');
}

function defaultOf(node: StructuralSchema): string {
  const value = node.default;
  if (value === undefined || JSON.stringify(value) === '{}') return '';
  return `\`${typeof value === 'string' ? value : cell(JSON.stringify(value))}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
