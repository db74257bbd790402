import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** Who refuses a wrong Rollout: the API server when it is written, or the controller in its status. */
export type Stage = 'api' | 'plan';

/** A wrong Rollout and what must be said about it. */
export interface BadSpec {
  readonly name: string;
  readonly refusedBy: Stage;
  /** Field that the message must name; empty when the message itself does. */
  readonly field: string;
  /** Part of the message. */
  readonly message: string;
  readonly object: RawRollout;
}

/** A Rollout as its file says, with no defaults filled in. */
export interface RawRollout {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Every wrong Rollout of test/contract/api/bad; throws when a file does not say what to expect. */
export function badSpecs(): readonly BadSpec[] {
  return read('bad').map(({ name, text, object }) => {
    const refusedBy = header(text, 'refused by', name);
    if (refusedBy !== 'api' && refusedBy !== 'plan') throw new Error(`bad/${name}: nobody is called ${refusedBy}`);
    return { name, refusedBy, field: header(text, 'field', name), message: header(text, 'message', name), object };
  });
}

/** Every right Rollout of test/contract/api/good and examples. */
export function goodSpecs(): readonly { readonly name: string; readonly object: RawRollout }[] {
  const rollouts = [...read('good'), ...read('../../../examples')];
  return rollouts.filter(({ object }) => object.kind === 'Rollout');
}

function read(
  folder: string,
): readonly { readonly name: string; readonly text: string; readonly object: RawRollout }[] {
  const path = join(import.meta.dirname, folder);
  const names = readdirSync(path).filter((name) => name.endsWith('.yaml'));
  return names.sort().map((name) => {
    const text = readFileSync(join(path, name), 'utf8');
    return { name: name.replace('.yaml', ''), text, object: parse(text) as RawRollout };
  });
}

function header(text: string, key: string, name: string): string {
  const line = text.split('\n').find((one) => one.startsWith(`# ${key}:`));
  if (line === undefined) throw new Error(`bad/${name}: the line "# ${key}: …" is missing`);
  return line.slice(`# ${key}:`.length).trim();
}
