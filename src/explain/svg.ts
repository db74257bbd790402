import type { ArmCounts, Batch } from '../../machines/judge/index.ts';
import { percent } from '../../machines/judge/words.ts';
import { oddsLabel, sinceInWords, timeTicks, topOf } from './axes.ts';
import { type EvidenceLine, goodLine, harmLine } from './evidence-line.ts';
import type { ExplainedObjective, Explanation } from './explanation.ts';
import { decisionInWords, failureRatio, iso } from './sentences.ts';

const WIDTH = 960;
const LEFT = 84;
const RIGHT = 24;
const PLOT = WIDTH - LEFT - RIGHT;
const HEAD = 64;
/** Room for a panel's title above, and for the time axis below it. */
const PANEL_HEAD = 30;
const PANEL_FOOT = 34;

/** Colours that can be told apart in light and in dark, also by who sees no red or green. */
const STYLE = `
.bg{fill:#fff}.ink{fill:#1b1f24}.quiet{fill:#57606a}.grid{stroke:#d8dee4}.axis{stroke:#8c959f}
.harm{stroke:#c2410c}.good{stroke:#0f766e}.line{stroke:#1b1f24;stroke-dasharray:6 4}.mark{stroke:#8c959f;stroke-dasharray:2 3}
.canary{stroke:#c2410c}.stable{stroke:#2563eb}.key-canary{fill:#c2410c}.key-stable{fill:#2563eb}.weight{fill:#7c3aed;fill-opacity:.25;stroke:#7c3aed}
path.curve{fill:none;stroke-width:2}text{font:12px system-ui,sans-serif}.title{font-size:16px;font-weight:600}.name{font-weight:600}
@media (prefers-color-scheme:dark){.bg{fill:#0d1117}.ink{fill:#e6edf3}.quiet{fill:#9198a1}.grid{stroke:#2a313c}.axis{stroke:#6e7681}
.harm,.canary{stroke:#fb923c}.key-canary{fill:#fb923c}.good{stroke:#2dd4bf}.stable{stroke:#60a5fa}.key-stable{fill:#60a5fa}.line{stroke:#e6edf3}.mark{stroke:#6e7681}.weight{fill:#a78bfa;stroke:#a78bfa}}`;

/** One picture of the whole release: weight, and for each objective its evidence and the failure ratios of both versions. */
export function explanationSvg(explanation: Explanation): string {
  const { record, objectives } = explanation;
  const from = record.startedAt;
  const to = Math.max(from + 1000, ...objectives.map(({ replay }) => replay.moments.at(-1)?.batch.at ?? from));
  const frame: Frame = { from, to, raises: record.raises };
  const panels = [weightPanel(frame), ...objectives.flatMap((objective) => objectivePanels(objective, frame))];
  let y = HEAD;
  const drawn = panels.map((panel) => {
    const text = drawPanel(panel, frame, y);
    y += PANEL_HEAD + panel.height + PANEL_FOOT;
    return text;
  });
  const title = `${record.rollout.name} in ${record.rollout.namespace}`;
  const what = decisionInWords(record);
  const why = record.outcome === null ? '' : `${record.outcome.reason}: ${record.outcome.message}`;
  const subtitle = `${iso(from)}, ${objectives.length === 1 ? 'one objective' : `${objectives.length} objectives`}; ${explanation.agreement.message}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img">`,
    `<title>${escaped(`${title}: ${what}`)}</title>`,
    `<desc>${escaped(why)}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="bg" width="${WIDTH}" height="${y}"/>`,
    text({ x: 16, y: 28, value: cut(`${title}: ${what}`, 108), className: 'ink title' }),
    text({ x: 16, y: 48, value: cut(subtitle, 140), className: 'quiet' }),
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

interface Frame {
  readonly from: number;
  readonly to: number;
  readonly raises: readonly { readonly at: number; readonly weightBp: number }[];
}

interface Panel {
  readonly title: string;
  readonly height: number;
  readonly top: number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
  readonly threshold: { readonly value: number; readonly label: string } | null;
  readonly curves: readonly Curve[];
}

interface Curve {
  readonly className: string;
  /** Steps: a value holds until the next; null interrupts the line. */
  readonly points: readonly { readonly at: number; readonly value: number | null }[];
  /** Named in the corner of the panel. */
  readonly name?: string;
  readonly isArea?: boolean;
}

function weightPanel({ from, to, raises }: Frame): Panel {
  const given = raises.filter(({ at }) => at <= to).map(({ at, weightBp }) => ({ at, value: weightBp / 100 }));
  const points = [{ at: from, value: 0 }, ...given, { at: to, value: given.at(-1)?.value ?? 0 }];
  return {
    title: 'Weight of the canary: share of the requests that the route gives it',
    height: 60,
    top: 100,
    ticks: [0, 50, 100].map((value) => ({ value, label: `${value} %` })),
    threshold: null,
    curves: [{ className: 'weight', points, isArea: true }],
  };
}

function objectivePanels(objective: ExplainedObjective, frame: Frame): readonly Panel[] {
  const { name } = objective.recorded;
  const harm = evidencePanel(name, harmLine(objective));
  const good = objective.replay.verdict.kind === 'Rollback' ? [] : [evidencePanel(name, goodLine(objective))];
  return [harm, ...good, failurePanel(objective, frame)];
}

function evidencePanel(name: string, line: EvidenceLine): Panel {
  const top = topOf(
    line.points.map(({ value }) => value),
    line.threshold,
  );
  const step = Math.max(1, Math.ceil(top / 5));
  const decades = Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step);
  return {
    title: `${name}: ${line.title} (odds)`,
    height: 150,
    top,
    ticks: decades.map((value) => ({ value, label: oddsLabel(value) })),
    threshold: { value: line.threshold, label: `${line.consequence} from ${oddsLabel(line.threshold)} on` },
    curves: [{ className: line.kind, points: line.points }],
  };
}

const BINS = 60;

/** Single batches hold few requests, so that their ratios jump: they are added up over a sixtieth of the time. */
function failurePanel({ recorded, replay }: ExplainedObjective, { from, to }: Frame): Panel {
  const batches = replay.moments.map(({ batch }) => batch);
  const arms = (['canary', 'stable'] as const).map((arm) => ({ arm, points: binned(batches, arm, { from, to }) }));
  const most = Math.max(0, ...arms.flatMap(({ points }) => points.map(({ value }) => value ?? 0)));
  const top = Math.min(1, Math.max(most * 1.1, 2 * (recorded.parameters.sloFailureRatio ?? 0), 0.001));
  const allowed = recorded.parameters.sloFailureRatio;
  const what = recorded.parameters.latencyEdge === null ? 'failed' : 'slow';
  return {
    title: `${recorded.name}: share of ${what} requests`,
    height: 110,
    top,
    ticks: [0, 0.5, 1].map((part) => ({ value: top * part, label: percent(top * part) })),
    threshold: allowed === null ? null : { value: allowed, label: `the objective allows ${percent(allowed)}` },
    curves: arms.map(({ arm, points }) => ({ className: arm, name: arm, points })),
  };
}

function binned(
  batches: readonly Batch[],
  arm: 'canary' | 'stable',
  { from, to }: { readonly from: number; readonly to: number },
): Curve['points'] {
  const bins = new Map<number, ArmCounts>();
  for (const batch of batches) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(((batch.at - from) / (to - from)) * BINS)));
    const { requests, failures } = bins.get(bin) ?? { requests: 0, failures: 0 };
    bins.set(bin, { requests: requests + batch[arm].requests, failures: failures + batch[arm].failures });
  }
  return Array.from({ length: BINS + 1 }, (_, bin) => {
    const counts = bins.get(Math.min(bin, BINS - 1));
    return { at: from + ((to - from) * bin) / BINS, value: counts === undefined ? null : failureRatio(counts) };
  });
}

function drawPanel(panel: Panel, frame: Frame, y: number): string {
  const bottom = y + PANEL_HEAD + panel.height;
  const xOf = (at: number): number => LEFT + (Math.max(0, at - frame.from) / (frame.to - frame.from)) * PLOT;
  const yOf = (value: number): number => bottom - Math.min(1, Math.max(0, value / panel.top)) * panel.height;
  const { threshold } = panel;
  return [
    '<g>',
    text({ x: LEFT, y: y + 16, value: panel.title, className: 'ink name' }),
    ...legend(panel.curves, y + 16),
    ...panel.ticks.flatMap(({ value, label }) => [
      rule({ className: 'grid', x1: LEFT, x2: WIDTH - RIGHT, y1: yOf(value), y2: yOf(value) }),
      text({ x: LEFT - 8, y: yOf(value) + 4, value: label, className: 'quiet', anchor: 'end' }),
    ]),
    ...frame.raises
      .filter(({ at }) => at <= frame.to)
      .map(({ at }) => rule({ className: 'mark', x1: xOf(at), x2: xOf(at), y1: y + PANEL_HEAD, y2: bottom })),
    ...panel.curves.map((curve) => drawCurve(curve, { xOf, yOf, bottom })),
    ...(threshold === null
      ? []
      : [
          rule({ className: 'line', x1: LEFT, x2: WIDTH - RIGHT, y1: yOf(threshold.value), y2: yOf(threshold.value) }),
          text({ x: LEFT + 6, y: yOf(threshold.value) - 5, value: threshold.label, className: 'ink' }),
        ]),
    rule({ className: 'axis', x1: LEFT, x2: WIDTH - RIGHT, y1: bottom, y2: bottom }),
    ...timeTicks(frame.to - frame.from, 10).map((ms) =>
      text({ x: xOf(frame.from + ms), y: bottom + 16, value: sinceInWords(ms), className: 'quiet', anchor: 'middle' }),
    ),
    '</g>',
  ].join('\n');
}

function legend(curves: readonly Curve[], y: number): readonly string[] {
  const named = curves.filter(({ name }) => name !== undefined);
  return named.map(({ className, name = '' }, i) =>
    text({
      x: WIDTH - RIGHT - (named.length - 1 - i) * 64,
      y,
      value: `■ ${name}`,
      className: `key-${className}`,
      anchor: 'end',
    }),
  );
}

interface Scales {
  readonly xOf: (at: number) => number;
  readonly yOf: (value: number) => number;
  readonly bottom: number;
}

/** A line of steps: between two batches nothing is known to change. */
function drawCurve({ className, points, isArea = false }: Curve, { xOf, yOf, bottom }: Scales): string {
  let path = '';
  let isOpen = false;
  for (const { at, value } of points) {
    const x = rounded(xOf(at));
    if (value !== null) path += isOpen ? `H${x}V${rounded(yOf(value))}` : `M${x} ${rounded(yOf(value))}`;
    else if (isOpen) path += `H${x}`;
    isOpen = value !== null;
  }
  if (path === '') return '';
  if (!isArea) return `<path class="curve ${className}" d="${path}"/>`;
  return `<path class="${className}" d="${path}V${bottom}H${LEFT}Z"/>`;
}

interface Rule {
  readonly className: string;
  readonly x1: number;
  readonly x2: number;
  readonly y1: number;
  readonly y2: number;
}

function rule({ className, x1, x2, y1, y2 }: Rule): string {
  return `<line class="${className}" x1="${rounded(x1)}" x2="${rounded(x2)}" y1="${rounded(y1)}" y2="${rounded(y2)}"/>`;
}

interface Text {
  readonly x: number;
  readonly y: number;
  readonly value: string;
  readonly className: string;
  readonly anchor?: 'middle' | 'end';
}

function text({ x, y, value, className, anchor }: Text): string {
  const anchored = anchor === undefined ? '' : ` text-anchor="${anchor}"`;
  return `<text class="${className}" x="${rounded(x)}" y="${rounded(y)}"${anchored}>${escaped(value)}</text>`;
}

const rounded = (value: number): string => `${Number(value.toFixed(1))}`;

const cut = (value: string, length: number): string =>
  value.length <= length ? value : `${value.slice(0, length - 1)}…`;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(value: string): string {
  return value.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}
