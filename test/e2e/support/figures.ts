import { appendFileSync } from 'node:fs';

/**
 * Prints what a test measured, and appends it to the file that SLUICE_FIGURES names, as one JSON line: the figures in docs/figures.md
 * come from there. Nothing is asserted about time here: the machines are shared.
 */
export function figure(name: string, values: Readonly<Record<string, unknown>>): void {
  const line = JSON.stringify({ name, ...values });
  process.stdout.write(`figure ${line}\n`);
  const file = process.env['SLUICE_FIGURES'];
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}
