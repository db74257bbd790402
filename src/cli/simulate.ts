import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import type { Plan } from '../../machines/rollout/plan.ts';
import { parseRollout } from '../api/parse-rollout.ts';
import type { RolloutSpec } from '../api/rollout.ts';
import { parseServiceLevelObjective, type ServiceLevelObjective } from '../api/service-level-objective.ts';
import { planRollout } from '../plan/rollout-plan.ts';
import { FAULTS } from '../simulate/faults.ts';
import { RIVALS } from '../simulate/rivals.ts';
import { type Question, type Row, simulate as simulated } from '../simulate/simulate.ts';
import { TRAFFIC } from '../simulate/traffic.ts';
import { EXIT, Failure } from './exit.ts';
import type { Session } from './session.ts';
import { simulationJson, simulationTable } from './simulate-table.ts';
import type { SimulateWords } from './simulate-words.ts';
import { interrupted } from './time-limit.ts';
import { nearNames } from './view/near-names.ts';
import { table } from './view/table.ts';

/** What `simulate` needs of a session: no API server. */
export type Desk = Pick<Session, 'clock' | 'isJson' | 'out' | 'note' | 'paint' | 'signal'> & {
  /** Where progress is drawn over itself; null where nobody watches. */
  readonly progress: ((text: string) => void) | null;
};

/** Signals are heard and progress is drawn so often. */
const PAUSE_EVERY_MS = 100;
const SCRAPE_MS = { least: 1_000, most: 300_000 } as const;

/** `sluice simulate`: releases a spec many times on a virtual clock, beside the rules of others. */
export async function simulate(desk: Desk, words: SimulateWords): Promise<number> {
  if (words.listsProfiles) return list(desk);
  const question = await questionOf(words);
  const rows: Row[] = [];
  let pausedAtMs = desk.clock.now();
  for (const step of simulated(question)) {
    if (step.kind === 'row') {
      rows.push(step.row);
      continue;
    }
    if (desk.clock.now() - pausedAtMs < PAUSE_EVERY_MS) continue;
    desk.progress?.(`\r${step.done} of ${step.total} releases`);
    // Lets signals in; the simulation itself never waits.
    await desk.clock.sleep(0);
    if (desk.signal.aborted) return stopped(desk, step);
    pausedAtMs = desk.clock.now();
  }
  desk.progress?.(CLEAR_LINE);
  print(desk, rows);
  return EXIT.ok;
}

const CLEAR_LINE = '\r\u001b[K';

function stopped(desk: Desk, { done, total }: { readonly done: number; readonly total: number }): number {
  desk.progress?.(CLEAR_LINE);
  desk.note(`sluice: stopped after ${done} of ${total} releases; half a table would mislead, so there is none`);
  return interrupted(desk.signal);
}

function print({ out, isJson, paint }: Desk, rows: readonly Row[]): void {
  const text = isJson ? JSON.stringify(simulationJson(rows), null, 2) : simulationTable(rows, paint).join('\n');
  out.write(`${text}\n`);
}

function list({ out, isJson, paint }: Desk): number {
  const named = ({ name, description }: { readonly name: string; readonly description: string }) => ({
    name,
    description,
  });
  const profiles = { traffic: TRAFFIC.map(named), faults: FAULTS.map(named), rivals: RIVALS.map(named) };
  if (isJson) {
    out.write(`${JSON.stringify(profiles, null, 2)}\n`);
    return EXIT.ok;
  }
  const block = (title: string, entries: readonly ReturnType<typeof named>[]) => [
    paint('strong', title),
    ...table(entries.map(({ name, description }) => [`  ${name}`, description])),
  ];
  const lines = [
    ...block('--traffic', profiles.traffic),
    ...block('--fault', profiles.faults),
    ...block('--against', profiles.rivals),
  ];
  out.write(`${lines.join('\n')}\n`);
  return EXIT.ok;
}

async function questionOf(words: SimulateWords): Promise<Question> {
  if (words.file === undefined)
    throw new Failure('simulate needs -f FILE, a Rollout as YAML; --list-profiles shows what it can do', EXIT.usage);
  if (words.scrapeMs < SCRAPE_MS.least || words.scrapeMs > SCRAPE_MS.most)
    throw new Failure('--scrape must be 1s to 5m', EXIT.usage);
  const traffic = chosen('--traffic', [words.traffic], TRAFFIC)[0];
  if (traffic === undefined) throw new Failure('--traffic must name a profile', EXIT.usage);
  return {
    ...(await readSpec(words.file)),
    traffic,
    faults: chosen('--fault', words.faults, FAULTS),
    rivals: words.against.includes('none') ? [] : chosen('--against', words.against, RIVALS),
    requestRate: words.requestRate ?? traffic.requestRate,
    usualFailures: words.usualFailures / 100,
    scrapeS: words.scrapeMs / 1000,
    runs: words.runs,
    seed: words.seed,
  };
}

/** The entries of these names, each once, in the order of the catalogue. */
function chosen<T extends { readonly name: string }>(
  option: string,
  names: readonly string[],
  among: readonly T[],
): readonly T[] {
  if (names.includes('all')) return among;
  const known = among.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearNames(name, known);
    const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `there are ${known.join(', ')}`;
    throw new Failure(`${option} has no profile "${name}"; ${hint}`, EXIT.usage);
  }
  return among.filter(({ name }) => names.includes(name));
}

/** Reads the only Rollout of a file, checked as API server and controller would. */
async function readSpec(file: string): Promise<{ readonly spec: RolloutSpec; readonly plan: Plan }> {
  const objects = documentsIn(file, await contentsOf(file));
  const rollouts = objects.filter((object) => kindOf(object) === 'Rollout');
  if (rollouts.length !== 1)
    throw new Failure(`${file} holds ${rollouts.length} Rollouts; simulate takes a file with exactly one`);
  const parsed = parseRollout(rollouts[0]);
  if (!parsed.ok) throw refused(file, parsed.problems);
  const spec = resolved(file, parsed.rollout.spec, objects);
  const planned = planRollout(spec);
  if (!planned.ok) throw refused(file, planned.problems);
  return { spec, plan: planned.plan };
}

/** Objectives that name a ServiceLevelObjective get what that one says; it must be in the same file. */
function resolved(file: string, spec: RolloutSpec, objects: readonly unknown[]): RolloutSpec {
  const shared = new Map<string, ServiceLevelObjective>();
  for (const object of objects.filter((candidate) => kindOf(candidate) === 'ServiceLevelObjective')) {
    const parsed = parseServiceLevelObjective(object);
    if (!parsed.ok) throw refused(file, parsed.problems);
    shared.set(parsed.value.metadata.name, parsed.value);
  }
  const objectives = spec.objectives.map((objective, index) => {
    if (objective.objectiveRef === undefined) return objective;
    const { name } = objective.objectiveRef;
    const found = shared.get(name);
    if (found === undefined) {
      const path = `spec.objectives[${index}].objectiveRef.name`;
      throw refused(file, [{ path, message: `${name} is not in this file: add the ServiceLevelObjective to it` }]);
    }
    const { description: _, ...blocks } = found.spec;
    return { name: objective.name, ...blocks };
  });
  return { ...spec, objectives };
}

function refused(file: string, problems: readonly { readonly path: string; readonly message: string }[]): Failure {
  return new Failure(`${file}: ${problems.map(({ path, message }) => `${path}: ${message}`).join('\n')}`);
}

async function contentsOf(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new Failure(`${file} cannot be read (${code}): check the path`, EXIT.failed);
  }
}

function documentsIn(file: string, contents: string): readonly unknown[] {
  const documents = parseAllDocuments(contents);
  if (!Array.isArray(documents)) throw new Failure(`${file} is empty: it must hold a Rollout`);
  for (const { errors } of documents) {
    if (errors[0] !== undefined) throw new Failure(`${file} is no YAML: ${errors[0].message}`);
  }
  return documents.map((document) => document.toJS());
}

function kindOf(object: unknown): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, 'kind') : undefined;
}
