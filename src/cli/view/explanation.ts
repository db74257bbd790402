import { sinceInWords } from '../../explain/axes.ts';
import { goodLine, harmLine } from '../../explain/evidence-line.ts';
import type { ExplainedObjective, Explanation } from '../../explain/explanation.ts';
import { blameInWords, decisionInWords, placeboInWords, turnInWords } from '../../explain/sentences.ts';
import { stillMissing } from '../../explain/still-missing.ts';
import { evidenceChart } from './evidence-chart.ts';
import { type Paint, toneOf } from './paint.ts';
import { padded, table, width, wrapped } from './table.ts';

export interface ExplanationOptions {
  readonly columns: number;
  readonly paint: Paint;
  readonly isAscii: boolean;
}

/** The decision, objective by objective what led to it, and what the parameters meant. */
export function explanationLines(explanation: Explanation, options: ExplanationOptions): readonly string[] {
  return [
    ...headLines(explanation, options),
    ...explanation.objectives.flatMap((objective) => objectiveLines(explanation, objective, options)),
    ...meaningLines(explanation, options),
    ...otherRuleLines(explanation, options),
  ];
}

function headLines({ record, agreement }: Explanation, { paint, columns }: ExplanationOptions): readonly string[] {
  const { rollout, outcome, stable } = record;
  const title = `${rollout.name} in ${rollout.namespace}: ${decisionInWords(record)}; stable was ${stable}`;
  const tone = agreement.kind === 'differs' ? 'bad' : agreement.kind === 'unknown' ? 'busy' : 'good';
  return [
    ...wrapped(title, columns).map((line) => paint('strong', line)),
    ...(outcome === null ? [] : wrapped(`  ${outcome.reason}: ${outcome.message}`, columns)),
    ...wrapped(`  Decided again from the record: ${agreement.message}`, columns).map((line) => paint(tone, line)),
  ];
}

function objectiveLines(
  { record }: Explanation,
  objective: ExplainedObjective,
  options: ExplanationOptions,
): readonly string[] {
  const { recorded, replay } = objective;
  const { paint, columns } = options;
  const { verdict } = replay;
  const turn = turnInWords(objective, record.startedAt);
  const blame = blameInWords(verdict);
  const placebo = placeboInWords(verdict);
  const missing = record.outcome === null ? stillMissing(verdict) : null;
  const text = [
    turn,
    blame === null ? null : `Evidence of harm: ${blame}`,
    placebo === null ? null : `Placebo: ${placebo}`,
    missing === null ? null : `When it was recorded: ${missing}`,
  ].filter((line) => line !== null);
  const tone = toneOf({ Rollback: 'Fail', Hold: 'Inconclusive', Advance: 'Pass' }[verdict.kind]);
  return [
    '',
    `${paint('strong', recorded.name)}  ${paint(tone, verdict.kind)}  ${verdict.reason}`,
    ...wrapped(`  ${verdict.message}`, columns),
    ...(objective.agreement.kind === 'exact' ? [] : wrapped(`  ${objective.agreement.message}`, columns)),
    ...chartLines({ record }, objective, options),
    ...text.flatMap((line) => wrapped(`  ${line}`, columns)),
  ];
}

function chartLines(
  { record }: Pick<Explanation, 'record'>,
  objective: ExplainedObjective,
  { columns, paint, isAscii }: ExplanationOptions,
): readonly string[] {
  const { moments, verdict } = objective.replay;
  const last = moments.at(-1)?.batch.at;
  if (last === undefined) return [nothingCounted(objective)];
  const marks = record.raises
    .filter(({ at }) => at <= last)
    .map(({ at, weightBp }) => ({ at, label: `${weightBp / 100} %` }));
  const lines = verdict.kind === 'Rollback' ? [harmLine(objective)] : [harmLine(objective), goodLine(objective)];
  return lines.flatMap((line) => [
    '',
    paint('quiet', `  ${line.title}; ${line.consequence} from the line on`),
    ...evidenceChart(line, { from: record.startedAt, to: last, marks, columns, paint, isAscii }),
  ]);
}

function nothingCounted({ recorded: { parameters } }: ExplainedObjective): string {
  const why = parameters.latencyEdge === null ? '' : ': durations of pods that have just started do not count';
  return `  no request was counted${why}`;
}

/** Sentences that are true of all objectives stand once. */
function meaningLines({ objectives }: Explanation, { paint, columns }: ExplanationOptions): readonly string[] {
  const about = new Map<string, { readonly name: string; readonly objectives: string[] }>();
  for (const { recorded, meanings } of objectives) {
    for (const { name, meaning } of meanings) {
      const known = about.get(meaning) ?? { name, objectives: [] };
      known.objectives.push(recorded.name);
      about.set(meaning, known);
    }
  }
  const widest = Math.max(0, ...[...about.values()].map(({ name }) => name.length));
  const lines = [...about].flatMap(([meaning, { name, objectives: named }]) => {
    const text = named.length === objectives.length ? meaning : `${named.join(', ')}: ${meaning}`;
    return hanging(`  ${paint('quiet', padded(name, widest))}  `, text, columns);
  });
  return lines.length === 0 ? [] : ['', paint('strong', 'How it was judged'), ...lines];
}

/** Their checks on this canary's requests; nothing is said of what they would have done before or instead. */
function otherRuleLines(
  { record, objectives, others }: Explanation,
  { paint, columns }: ExplanationOptions,
): readonly string[] {
  if (others.length === 0) return [];
  const last = Math.max(...objectives.map(({ recorded }) => recorded.batches.at(-1)?.at ?? record.startedAt));
  const rows = others.map(({ rule, rolledBackAt }) => [
    `  ${rule}`,
    rolledBackAt === null ? 'no' : `after ${sinceInWords(rolledBackAt - record.startedAt)}`,
  ]);
  const heads = table(rows.map((row) => [...row, '.'])).map((line) => line.slice(0, -1));
  const lines = others.flatMap(({ description }, i) => hanging(heads[i] ?? '', description, columns));
  const until = sinceInWords(last - record.startedAt);
  const title = `Would other rules have taken it back on the same requests, up to ${until} after it began?`;
  return ['', paint('strong', title), ...lines];
}

/** A text beside its head, its lines one below the other. */
function hanging(head: string, text: string, columns: number): readonly string[] {
  const indent = width(head);
  const [first = '', ...rest] = wrapped(text, Math.max(40, columns - indent));
  return [head + first, ...rest.map((line) => ' '.repeat(indent) + line.trimStart())];
}
