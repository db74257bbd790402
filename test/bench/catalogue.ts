/**
 * Runs experiments of the catalogue on the real lab, each with callers that behave well and with callers that do not:
 *
 *     npm run bench:catalogue [-- --only NAME[,NAME…]] [--lab NAME]
 *
 * One test and one line of figures for each; exit code 1 when one ends otherwise than its folder says.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runOnLab } from './on-lab.ts';

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));

const { values } = parseArgs({
  options: { only: { type: 'string', default: 'whole' }, lab: { type: 'string', default: 'catalogue' } },
});

process.env['SLUICE_CATALOGUE'] = values.only;
process.exitCode = await runOnLab(values.lab, VITEST, [
  'run',
  ...['--project', 'lab-alone', 'test/e2e/catalogue.lab.test.ts'],
]);
