/**
 * Releases versions with known faults on the real lab under 200 requests a second and 5 s scrapes, and measures what each costs:
 *
 *     npm run bench:releases [-- --case NAME[,NAME…]] [--runs N] [--shops N] [--lab NAME]
 *
 * One JSON line for each run, a table at the end; exit code 1 when a bound is missed or a run could not be made.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runOnLab } from './on-lab.ts';
import { CASES } from './releases-cases.ts';

const INSIDE = fileURLToPath(new URL('./releases-inside.ts', import.meta.url));

const { values } = parseArgs({
  options: {
    case: { type: 'string' },
    runs: { type: 'string', default: '0' },
    shops: { type: 'string', default: '1' },
    lab: { type: 'string', default: 'slo' },
  },
});

process.exitCode = await main();

async function main(): Promise<number> {
  const names = values.case?.split(',') ?? Object.keys(CASES);
  const unknown = names.filter((name) => CASES[name] === undefined);
  if (unknown.length > 0 || !/^\d+$/.test(values.runs) || !/^[1-9]$/.test(values.shops)) {
    console.error(
      `usage: --case ${Object.keys(CASES).join('|')} --runs N --shops 1..9; not ${process.argv.slice(2).join(' ')}`,
    );
    return 2;
  }
  return await runOnLab(values.lab, INSIDE, [names.join(','), values.runs, values.shops]);
}
