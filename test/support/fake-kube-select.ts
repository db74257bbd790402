import type { KubeObject, ListOptions } from '../../src/kube/port.ts';

/** Whether a list or watch with these options shows the object. */
export function selects(options: ListOptions, object: KubeObject): boolean {
  const { namespace, labelSelector = '', fieldSelector = '' } = options;
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  return (
    terms(labelSelector).every((term) => matchesLabel(term, object.metadata.labels ?? {})) &&
    terms(fieldSelector).every((term) => matchesField(term, object))
  );
}

/** Splits at commas outside parentheses. */
const terms = (selector: string): readonly string[] =>
  selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');

function matchesLabel(term: string, labels: Readonly<Record<string, string>>): boolean {
  const set = /^(\S+)\s+(in|notin)\s+\((.*)\)$/.exec(term);
  if (set !== null) {
    const [, key = '', operator, values = ''] = set;
    const isIn = values.split(',').some((value) => value.trim() === labels[key]);
    return operator === 'in' ? isIn : !isIn;
  }
  const [, key = '', operator, value = ''] = /^([^!=]+?)\s*(==|!=|=)\s*(.*)$/.exec(term) ?? [];
  if (operator === '!=') return labels[key] !== value;
  if (operator !== undefined) return labels[key] === value;
  return term.startsWith('!') ? !(term.slice(1) in labels) : term in labels;
}

function matchesField(term: string, object: KubeObject): boolean {
  const [, path = '', operator, value = ''] = /^([^!=]+?)(==|!=|=)(.*)$/.exec(term) ?? [];
  let node: unknown = object;
  for (const key of path.split('.')) node = (node as Record<string, unknown> | undefined)?.[key];
  return operator === '!=' ? String(node ?? '') !== value : String(node ?? '') === value;
}
