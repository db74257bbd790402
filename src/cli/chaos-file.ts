import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import { type ChaosExperiment, parseChaosExperiment } from '../api/chaos-experiment.ts';
import { kinds } from '../kube/kinds.ts';
import { EXIT, Failure } from './exit.ts';
import type { Session } from './session.ts';

/** An experiment as its file says, to be created, and with defaults filled in. */
export interface ExperimentFile {
  readonly object: WrittenExperiment;
  readonly experiment: ChaosExperiment;
}

/** What stands in a file. */
export interface WrittenExperiment {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: object;
}

export interface FileWords {
  /** `-` for standard input. */
  readonly file: string;
  /** Instead of the file's. */
  readonly name?: string;
}

/** The one ChaosExperiment of a file, in the session's namespace unless it says another one. Throws a Failure that says what is wrong with it. */
export async function readExperiment(session: Session, { file, name }: FileWords): Promise<ExperimentFile> {
  const document = documentOf(await textOf(file), file);
  const metadata = { ...(document.metadata ?? {}) };
  const { generateName } = metadata as { generateName?: unknown };
  delete (metadata as { generateName?: unknown }).generateName;
  const own = metadata as { readonly name?: string; readonly namespace?: string };
  const named =
    name ?? own.name ?? (typeof generateName === 'string' ? generatedName(session, generateName) : undefined);
  if (named === undefined)
    throw new Failure(`${file}: metadata.name is missing: add it or generateName, or give --name`);
  const { namespace = session.namespace } = own;
  if (session.isNamespaceGiven === true && namespace !== session.namespace) {
    const what = `${file}: metadata.namespace is "${namespace}", but -n says "${session.namespace}"`;
    throw new Failure(`${what}: correct one of them, or remove it from the file`, EXIT.usage);
  }
  const object = { ...document, metadata: { ...metadata, name: named, namespace } } as unknown as WrittenExperiment;
  return { object, experiment: withDefaults(object, file) };
}

/** The experiment with defaults filled in; a Failure that says what is wrong with it. `where` begins the message. */
export function withDefaults(object: unknown, where: string): ChaosExperiment {
  const parsed = parseChaosExperiment(object);
  if (parsed.ok) return parsed.value;
  const problems = parsed.problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  throw new Failure(`${where}: ${problems.join('; ')}`);
}

interface Document {
  readonly kind?: unknown;
  readonly metadata?: object;
}

async function textOf(file: string): Promise<string> {
  if (file === '-') return await text(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function documentOf(content: string, file: string): Document {
  const documents = parseAllDocuments(content);
  const broken = documents.flatMap(({ errors }) => errors)[0];
  if (broken !== undefined) throw new Failure(`${file} is no YAML: ${broken.message.split('\n')[0]}`);
  const objects = documents.map((document) => document.toJS() as Document | null).filter((object) => object !== null);
  const { kind } = kinds.chaosExperiment;
  const found = objects.filter((object) => object.kind === kind);
  const [experiment] = found;
  if (experiment !== undefined && found.length === 1) return experiment;
  const has = found.length === 0 ? `no ${kind}` : `${found.length} of them`;
  throw new Failure(`${file} must hold exactly one ${kind}, and has ${has}: take one out into a file of its own`);
}

/** As the API server would do it, but known before anything is written. */
function generatedName({ clock }: Session, beginning: string): string {
  return `${beginning}${(clock.now() % 36 ** 5).toString(36).padStart(5, '0')}`;
}
