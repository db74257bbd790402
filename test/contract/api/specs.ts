import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parseChaosExperiment } from '../../../src/api/chaos-experiment.ts';
import { parseChaosSchedule } from '../../../src/api/chaos-schedule.ts';
import { parseMetricsSource } from '../../../src/api/metrics-source.ts';
import type { Parsed } from '../../../src/api/parse.ts';
import { type Problem, parseRollout } from '../../../src/api/parse-rollout.ts';
import { parseSafetyPolicy } from '../../../src/api/safety-policy.ts';
import { parseServiceLevelObjective } from '../../../src/api/service-level-objective.ts';

/** Who refuses a wrong object: the API server when it is written, or the controller in its status. */
export type Stage = 'api' | 'plan';

/** A wrong object and what must be said about it. */
export interface BadSpec {
  readonly name: string;
  readonly refusedBy: Stage;
  /** Field that the message must name; empty when the message itself does. */
  readonly field: string;
  /** Part of the message. */
  readonly message: string;
  readonly object: RawObject;
}

/** An object as its file says, with no defaults filled in. */
export interface RawObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Every wrong object of test/contract/api/bad; throws when a file does not say what to expect. */
export function badSpecs(): readonly BadSpec[] {
  return read('bad').map(({ name, text, object }) => {
    const refusedBy = header(text, 'refused by', name);
    if (refusedBy !== 'api' && refusedBy !== 'plan') throw new Error(`bad/${name}: nobody is called ${refusedBy}`);
    return { name, refusedBy, field: header(text, 'field', name), message: header(text, 'message', name), object };
  });
}

/** Every right object of test/contract/api/good, examples and experiments. */
export function goodSpecs(): readonly { readonly name: string; readonly object: RawObject }[] {
  const folders = readdirSync(join(import.meta.dirname, EXPERIMENTS), { withFileTypes: true });
  const experiments = folders
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name: `experiments/${name}`, object: objectIn(`${EXPERIMENTS}/${name}/experiment.yaml`) }));
  return [...read('good'), ...read('../../../examples'), ...experiments].filter(({ object }) => object.kind in PARSERS);
}

const EXPERIMENTS = '../../../experiments';

function objectIn(file: string): RawObject {
  return parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as RawObject;
}

/** The spec with defaults, or what is wrong with it, as the controller sees an object of Sluice's kinds. */
export function parseSpec(object: RawObject): Parsed<unknown> {
  const parsed = PARSERS[object.kind]?.(object);
  if (parsed === undefined) throw new Error(`no kind of Sluice's: ${object.kind}`);
  return parsed.ok ? { ok: true, value: parsed.value.spec } : parsed;
}

/** Everything that is wrong with an object, as the controller sees it. */
export function problemsOf(object: RawObject): readonly Problem[] {
  const parsed = parseSpec(object);
  return parsed.ok ? [] : parsed.problems;
}

const PARSERS: Readonly<Record<string, (object: unknown) => Parsed<{ readonly spec: unknown }>>> = {
  Rollout: (object) => {
    const parsed = parseRollout(object);
    return parsed.ok ? { ok: true, value: parsed.rollout } : parsed;
  },
  ServiceLevelObjective: parseServiceLevelObjective,
  MetricsSource: parseMetricsSource,
  ChaosExperiment: parseChaosExperiment,
  ChaosSchedule: parseChaosSchedule,
  SafetyPolicy: parseSafetyPolicy,
};

function read(folder: string): readonly { readonly name: string; readonly text: string; readonly object: RawObject }[] {
  const path = join(import.meta.dirname, folder);
  const names = readdirSync(path).filter((name) => name.endsWith('.yaml'));
  return names.sort().map((name) => {
    const text = readFileSync(join(path, name), 'utf8');
    return { name: name.replace('.yaml', ''), text, object: parse(text) as RawObject };
  });
}

function header(text: string, key: string, name: string): string {
  const line = text.split('\n').find((one) => one.startsWith(`# ${key}:`));
  if (line === undefined) throw new Error(`bad/${name}: the line "# ${key}: …" is missing`);
  return line.slice(`# ${key}:`.length).trim();
}
