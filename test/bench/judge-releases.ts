import { parseRollout } from '../../src/api/parse-rollout.ts';
import { planRollout } from '../../src/plan/rollout-plan.ts';
import { FAULTS } from '../../src/simulate/faults.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import type { Summary } from '../../src/simulate/summary.ts';
import { TRAFFIC } from '../../src/simulate/traffic.ts';
import { digits, type Line, shareLine } from './judge-report.ts';
import type { Runs } from './judge-runs.ts';

/** The smallest Rollout that there is, everything else at its default; and the one with the most steps in the least time. */
const DEFAULT_STEPS = rollout({});
const FAST = rollout({ adaptive: { profile: 'Fast' } });

function rollout(canary: object) {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'checkout' },
    spec: {
      workloadRef: { kind: 'Deployment', name: 'checkout' },
      service: { name: 'checkout', port: 'http' },
      routing: { istio: {} },
      strategy: { canary },
    },
  };
}

const HARMLESS = [
  ['steady', 'none'],
  ['diurnal', 'none'],
  ['low', 'none'],
  ['bursty', 'none'],
  ['autocorrelated', 'none'],
  ['steady', 'drift'],
  ['steady', 'outage'],
] as const;

const HARMFUL = ['errors-1', 'errors-5', 'errors-50', 'errors-100', 'late', 'load', 'caused-outage'] as const;

/** The table of `sluice simulate` has 5 s scrapes; stable fails 0.1 %. */
const SETTING = { usualFailures: 0.001, rivals: [] } as const;

/** What most installations have. */
const RARE_SCRAPES_S = [15, 30, 60] as const;

/**
 * Whole releases of the smallest Rollout by the real machine, weight steps included: harmless ones may be taken back in a share of α at
 * most, whatever the traffic is; harmful ones must be.
 */
export function releases(runs: Runs): readonly Line[] {
  const harmless = HARMLESS.map(([traffic, fault]) => {
    const { falseRollback } = summaryOf(runs, traffic, fault);
    return shareLine(`${traffic} traffic, ${fault}, taken back:`, { most: 0.01 }, falseRollback);
  });
  const fast = ['none', 'outage'].map((fault) => {
    const { falseRollback } = summaryOf(runs, 'steady', fault, { manifest: FAST });
    return shareLine(`adaptive steps (Fast), ${fault}, taken back:`, { most: 0.01 }, falseRollback);
  });
  const rare = RARE_SCRAPES_S.flatMap((scrapeS) => {
    const { falseRollback } = summaryOf(runs, 'steady', 'outage', { scrapeS });
    const { detected } = summaryOf(runs, 'steady', 'caused-outage', { scrapeS });
    return [
      shareLine(`scrapes every ${scrapeS} s, outage, taken back:`, { most: 0.01 }, falseRollback),
      ...(detected === null
        ? []
        : [shareLine(`scrapes every ${scrapeS} s, caused-outage, taken back:`, { is: 1 }, detected)]),
    ];
  });
  const harmful = HARMFUL.map((fault) => {
    const { detected, detectionS, failedRequests } = summaryOf(runs, 'steady', fault);
    if (detected === null) throw new Error(`${fault} is no fault of the release`);
    const { ok, text } = shareLine(`${fault}, taken back:`, { is: 1 }, detected);
    const after =
      detectionS === null ? 'never' : `after ${digits(detectionS.median)} s (p95 ${digits(detectionS.p95)} s)`;
    return { ok, text: `${text}, ${after}, ${failedRequests.mean.toFixed(1)} failed` };
  });
  return [...harmless, ...fast, ...rare, ...harmful];
}

function summaryOf(
  { runs, seed }: Runs,
  trafficName: string,
  faultName: string,
  { manifest = DEFAULT_STEPS, scrapeS = 5 }: { readonly manifest?: object; readonly scrapeS?: number } = {},
): Summary {
  const parsed = parseRollout(manifest);
  const planned = parsed.ok ? planRollout(parsed.rollout.spec) : null;
  const traffic = TRAFFIC.find(({ name }) => name === trafficName);
  const faults = FAULTS.filter(({ name }) => name === faultName);
  if (!parsed.ok || !planned?.ok || traffic === undefined || faults.length === 0)
    throw new Error(`no ${faultName} under ${trafficName} traffic for the smallest Rollout`);
  const { spec } = parsed.rollout;
  const { requestRate } = traffic;
  for (const step of simulate({
    ...SETTING,
    scrapeS,
    spec,
    plan: planned.plan,
    traffic,
    faults,
    requestRate,
    runs,
    seed,
  })) {
    if (step.kind === 'row') return step.row.summary;
  }
  throw new Error('nothing was simulated');
}
