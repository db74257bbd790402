import { writeFile } from 'node:fs/promises';
import { type Explanation, explainRecord } from '../explain/explanation.ts';
import { decodeRecord } from '../explain/record.ts';
import { iso } from '../explain/sentences.ts';
import type { ConfigMap } from '../explain/stored.ts';
import { type EvidenceSummary, evidenceSelector, RECORD_KEY, summaryOf } from '../explain/stored.ts';
import { explanationSvg } from '../explain/svg.ts';
import { kinds } from '../kube/kinds.ts';
import { EXIT, Failure } from './exit.ts';
import { findRollout } from './find.ts';
import type { Session } from './session.ts';
import { explanationLines } from './view/explanation.ts';
import { explanationJson } from './view/explanation-json.ts';
import { table } from './view/table.ts';

export interface ExplainOptions {
  /** The revision whose release is explained. Default: the newest. */
  readonly revision?: string | undefined;
  /** Draws the picture into this file too. */
  readonly svg?: string | undefined;
  /** No characters but ASCII. */
  readonly ascii?: boolean | undefined;
}

interface Stored {
  readonly summary: EvidenceSummary;
  readonly configMap: ConfigMap;
}

/** `sluice explain NAME`: decides again from a release's own evidence and shows how it came to that. */
export async function explain(session: Session, name: string, options: ExplainOptions): Promise<number> {
  const stored = await storedRecords(session, name);
  const chosen = chosenOf(stored, { name, revision: options.revision });
  const explanation = explainRecord(recordIn(chosen));
  if (options.svg !== undefined) await writeSvg(options.svg, explanation);
  const others = stored.filter((other) => other !== chosen).map(({ summary }) => summary);
  if (session.isJson) session.out.write(`${JSON.stringify(explanationJson(explanation, others), null, 2)}\n`);
  else session.out.write(`${textOf(session, explanation, others, options).join('\n')}\n`);
  return explanation.agreement.kind === 'differs' ? EXIT.no : EXIT.ok;
}

/** The records of a Rollout, that of the newest release first. */
async function storedRecords(session: Session, name: string): Promise<readonly Stored[]> {
  const rollout = await findRollout(session, name);
  const { namespace, kube } = session;
  const { items } = await kube.list<ConfigMap>(kinds.configMap, { namespace, labelSelector: evidenceSelector(name) });
  const stored = items
    .flatMap((configMap) => {
      const summary = summaryOf(configMap);
      return summary === null || summary.rolloutUid !== rollout.metadata.uid ? [] : [{ summary, configMap }];
    })
    .toSorted((a, b) => b.summary.startedAt - a.summary.startedAt);
  if (stored.length === 0) {
    throw new Failure(
      `there is no evidence record of ${name} yet: one is written at each step of a release, from its first requests on`,
    );
  }
  return stored;
}

function chosenOf(
  stored: readonly Stored[],
  { name, revision }: { readonly name: string; readonly revision: string | undefined },
): Stored {
  const found = revision === undefined ? stored[0] : stored.find(({ summary }) => summary.revision === revision);
  if (found !== undefined) return found;
  const revisions = stored.map(({ summary }) => summary.revision).join(', ');
  throw new Failure(
    `there is no evidence record of revision ${revision} of ${name}; there are: ${revisions} (the newest five are kept)`,
  );
}

function recordIn({ configMap }: Stored): ReturnType<typeof decodeRecord> {
  return decodeRecord(Buffer.from(configMap.binaryData?.[RECORD_KEY] ?? '', 'base64'));
}

async function writeSvg(file: string, explanation: Explanation): Promise<void> {
  try {
    await writeFile(file, explanationSvg(explanation));
  } catch (error) {
    throw new Failure(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Wider lines are not read, however wide the terminal is. */
const MOST_COLUMNS = 140;

function textOf(
  { out, paint }: Session,
  explanation: Explanation,
  others: readonly EvidenceSummary[],
  { ascii = false }: ExplainOptions,
): readonly string[] {
  const columns = Math.min(MOST_COLUMNS, out.size().columns);
  const lines = explanationLines(explanation, { columns, paint, isAscii: ascii });
  if (others.length === 0) return lines;
  const rows = others.map(({ revision, startedAt, outcome }) => [`  ${revision}`, iso(startedAt), outcome]);
  const title = paint('strong', 'Other releases (--revision REVISION)');
  return [...lines, '', title, ...table([['  REVISION', 'BEGAN', 'OUTCOME'], ...rows])];
}
