/**
 * Repeats the tables of the analysis by simulation with the judge that is shipped, beside the rules of Flagger and Argo Rollouts:
 *
 *     npm run bench:judge -- [--runs N] [--seed S] [--only SECTION]
 *
 * Intervals are 95 %. A line says `ok` when our own figure is at most 15 % above the table's or better, a rival's within 15 %, both within
 * the interval, and false decisions when the whole interval is within what is allowed: no hit in 381 runs shows 1 %. `open` are those that
 * the runs neither show nor refute. The exit code is 1 when one differs.
 */
import { parseArgs } from 'node:util';
import { acceptance } from './judge-accept.ts';
import { closedForms, commonOutages, dependentFailures, detection, falseRollbacks, variants } from './judge-errors.ts';
import { latency } from './judge-latency.ts';
import { releases } from './judge-releases.ts';
import { type Line, printSection } from './judge-report.ts';
import type { Runs } from './judge-runs.ts';
import { stepping } from './judge-stepping.ts';

const SECTIONS: Readonly<Record<string, readonly [title: string, make: (runs: Runs) => readonly Line[]]>> = {
  closed: ['The simulator against closed forms', closedForms],
  detection: ['Detection: seconds and failed requests until a fault is rolled back (2e)', detection],
  variants: ['Late faults (2d.1) and margins (2f)', variants],
  false: ['Harmless canaries rolled back within an hour (2e)', falseRollbacks],
  outages: ['Outages of both versions at high weights', commonOutages],
  dependent: ['Harmless canaries where failures are not independent (2d.2)', dependentFailures],
  latency: ['Latency (2c)', latency],
  accept: ['Acceptance (2d.8)', acceptance],
  stepping: ['Adaptive steps (3)', stepping],
  releases: ['Whole releases by the real machine', releases],
};

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '150' },
    seed: { type: 'string', default: '12345' },
    only: { type: 'string' },
  },
});

process.exitCode = main(wholeNumber('runs', values.runs), wholeNumber('seed', values.seed), values.only);

function main(runs: number, seed: number, only: string | undefined): number {
  if (only !== undefined && SECTIONS[only] === undefined) {
    console.error(`--only must be one of ${Object.keys(SECTIONS).join(', ')}, not ${only}`);
    return 2;
  }
  console.log(`${runs} runs for each figure, seed ${seed}`);
  const lines: Line[] = [];
  for (const [name, [title, make]] of Object.entries(SECTIONS)) {
    if (only !== undefined && only !== name) continue;
    const begun = performance.now();
    const made = make({ runs, seed, seconds: 0 });
    printSection(`${title}, ${((performance.now() - begun) / 1000).toFixed(1)} s`, made);
    lines.push(...made);
    if (name === 'closed' && made.some(({ ok }) => ok === false)) {
      console.log('\nThe simulator contradicts the closed forms: no table of it can be believed.');
      return 1;
    }
  }
  const compared = lines.filter(({ ok }) => ok !== null);
  const differing = compared.filter(({ ok }) => ok === false);
  const open = compared.filter(({ ok }) => ok === 'open');
  const left = open.length === 0 ? '' : `, ${open.length} are left open by ${runs} runs`;
  console.log(`\n${compared.length} figures compared, ${differing.length} differ${left}`);
  return differing.length === 0 ? 0 : 1;
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number of at least 1, not ${text}`);
  return value;
}
