/**
 * Lets experiments run on the real lab (5 s scrapes), takes away what could end them, and measures when the last request was touched:
 *
 *     npm run bench:chaos [-- --case NAME[,NAME…]] [--minutes N] [--lab NAME]
 *
 * kills: every kind of fault under a 20 s fuse; the controller is killed, alone and with Redis and Prometheus dead, and cut off from the
 * API server. reaper: killed with the Job controller dead. renewal: N minutes (10) under a 60 s fuse, then a kill. halt: ten at once.
 * breach: five steady states that break. One JSON line for each run, a table at the end; exit code 1 when a bound is missed.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CHAOS_CASES } from './chaos-report.ts';
import { runOnLab } from './on-lab.ts';

const INSIDE = fileURLToPath(new URL('./chaos-inside.ts', import.meta.url));

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: CHAOS_CASES.join(',') },
    minutes: { type: 'string', default: '10' },
    lab: { type: 'string', default: 'chaos' },
  },
});

const isKnown = values.case.split(',').every((name) => (CHAOS_CASES as readonly string[]).includes(name));
if (isKnown && /^[1-9]\d*$/.test(values.minutes)) {
  process.exitCode = await runOnLab(values.lab, INSIDE, [values.case, values.minutes]);
} else {
  console.error(`usage: --case ${CHAOS_CASES.join('|')} --minutes N; not ${process.argv.slice(2).join(' ')}`);
  process.exitCode = 2;
}
