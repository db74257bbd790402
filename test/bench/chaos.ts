/**
 * Lets experiments run on the real lab (5 s scrapes), takes away what could end them, and measures when the last request was touched:
 *
 *     npm run bench:chaos [-- --case NAME[,NAME…]] [--kind NAME[,NAME…]] [--minutes N] [--runs N] [--shops N] [--lab NAME]
 *
 * kills: every kind of fault under a 20 s fuse; the controller is killed, alone and with Redis and Prometheus dead, and cut off from the
 * API server. reaper: killed with the Job controller dead. renewal: N minutes (10) under a 60 s fuse, then a kill. halt: ten at once.
 * breach: five steady states that break. interleavings: N times (50) a release and an experiment on one Service at once, in N shops (4) at a time.
 * One JSON line for each run, a table at the end; exit code 1 when a bound is missed or a run could not be made.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { KINDS } from './chaos-kinds.ts';
import { CHAOS_CASES, type ChaosCase, type ChaosWish } from './chaos-report.ts';
import { runOnLab } from './on-lab.ts';

const INSIDE = fileURLToPath(new URL('./chaos-inside.ts', import.meta.url));

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: CHAOS_CASES.join(',') },
    kind: { type: 'string', default: Object.keys(KINDS).join(',') },
    minutes: { type: 'string', default: '10' },
    runs: { type: 'string', default: '50' },
    shops: { type: 'string', default: '4' },
    lab: { type: 'string', default: 'chaos' },
  },
});

const cases = values.case.split(',').filter((name): name is ChaosCase => CHAOS_CASES.some((known) => known === name));
const kinds = values.kind.split(',').filter((name) => name in KINDS);
const isKnown = cases.join() === values.case && kinds.join() === values.kind;
const isNumbers =
  [values.minutes, values.runs].every((text) => /^[1-9]\d*$/.test(text)) && /^[1-9]$/.test(values.shops);
if (isKnown && isNumbers) {
  const { minutes, runs, shops, lab } = values;
  const wish: ChaosWish = { cases, kinds, minutes: Number(minutes), runs: Number(runs), shops: Number(shops) };
  process.exitCode = await runOnLab(lab, INSIDE, [JSON.stringify(wish)]);
} else {
  console.error(
    `usage: --case ${CHAOS_CASES.join('|')} --kind ${Object.keys(KINDS).join('|')} --minutes N --runs N --shops 1..9; not ${process.argv.slice(2).join(' ')}`,
  );
  process.exitCode = 2;
}
