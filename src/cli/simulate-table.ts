import type { Row } from '../simulate/simulate.ts';
import type { Share } from '../simulate/statistics.ts';
import type { Summary } from '../simulate/summary.ts';
import type { Paint } from './view/paint.ts';
import { table } from './view/table.ts';
import { span } from './view/words.ts';

const HEAD = ['FAULT', 'RULE', 'TAKEN BACK', '95 %', 'AFTER (P95)', 'FAILED', 'PROMOTED AFTER', 'INCONCLUSIVE'];

/** The answer as one table; what a release is taken back for rightly and wrongly stands in the same column, painted apart. */
export function simulationTable(rows: readonly Row[], paint: Paint): readonly string[] {
  const [head = '', ...lines] = table([HEAD, ...rows.map((row) => cells(row, paint))]);
  return [paint('strong', head), ...lines];
}

function cells({ fault, rule, summary }: Row, paint: Paint): readonly string[] {
  const { falseRollback, detected, detectionS, failedRequests, promotionS, inconclusive, promoted } = summary;
  const taken = detected ?? falseRollback;
  const isWrong = detected === null ? falseRollback.hits > 0 : detected.hits < detected.runs;
  return [
    fault.name,
    rule,
    paint(isWrong ? 'bad' : 'good', percent(taken)),
    `${percentOf(taken.low)}–${percentOf(taken.high)}`,
    spans(detectionS),
    detected === null ? '–' : Math.round(failedRequests.mean).toLocaleString('en'),
    promoted.hits === 0 ? '–' : `${spans(promotionS, false)} (${percent(promoted)})`,
    percent(inconclusive),
  ];
}

/** The same for programs; shares are from 0 to 1. */
export function simulationJson(rows: readonly Row[]): readonly object[] {
  return rows.map(({ fault, rule, summary }) => ({ fault: fault.name, rule, ...summaryJson(summary) }));
}

function summaryJson(summary: Summary) {
  const { runs, detectionS, failedRequests, promotionS } = summary;
  return {
    runs,
    falseRollback: shareJson(summary.falseRollback),
    detected: summary.detected && shareJson(summary.detected),
    detectionSeconds: detectionS,
    failedRequests: {
      mean: failedRequests.mean,
      low: failedRequests.mean - failedRequests.half,
      high: failedRequests.mean + failedRequests.half,
    },
    promoted: shareJson(summary.promoted),
    promotionSeconds: promotionS,
    inconclusive: shareJson(summary.inconclusive),
  };
}

function shareJson({ hits, runs, low, high }: Share) {
  return { share: hits / runs, low, high };
}

function spans(times: Summary['detectionS'], withP95 = true): string {
  if (times === null) return '–';
  const median = span(times.median * 1000);
  return withP95 ? `${median} (${span(times.p95 * 1000)})` : median;
}

function percent({ hits, runs }: Share): string {
  return `${percentOf(hits / runs)} %`;
}

function percentOf(share: number): string {
  return String(Number((share * 100).toPrecision(3)));
}
