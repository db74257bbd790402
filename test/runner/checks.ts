import { existsSync } from 'node:fs';
import { type Command, runChild } from './child.ts';
import type { TierContext } from './tier.ts';

/** A command that must end with exit code 0; it counts as one test. */
export interface Check {
  readonly name: string;
  readonly command: Command;
}

const NODE = process.execPath;
const tsc = (project: string, cacheName: string) =>
  [
    NODE,
    'node_modules/typescript/bin/tsc',
    ...['--noEmit', '-p', project],
    ...['--incremental', '--tsBuildInfoFile', `node_modules/.cache/sluice/${cacheName}.tsbuildinfo`],
  ] as const;

/** Everything about the sources that a tool can tell, cheapest cure first. */
export function listChecks(): readonly Check[] {
  return [
    { name: 'types of machines (tsc)', command: tsc('machines', 'machines') },
    { name: 'types of src (tsc)', command: tsc('src', 'src') },
    { name: 'types of tests, lab, demo and scripts (tsc)', command: tsc('.', 'rest') },
    {
      name: 'format and lint (biome)',
      command: [NODE, 'node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
    },
    { name: 'dead files, exports and dependencies (knip)', command: [NODE, 'node_modules/knip/bin/knip.js'] },
    ...(existsSync('scripts/generate-crds.ts')
      ? [
          {
            name: 'generated files are current',
            command: [NODE, 'scripts/generate-crds.ts', '--check'],
          } satisfies Check,
        ]
      : []),
  ];
}

/** Runs the checks one after the other and counts each. */
export async function runChecks(checks: readonly Check[], context: TierContext): Promise<void> {
  for (const check of checks.filter(({ name }) => name.includes(context.filter ?? ''))) {
    if (context.signal.aborted) return;
    context.terminal.activity(check.name);
    const startedAt = Date.now();
    const lines: string[] = [];
    const code = await runChild(check.command, { signal: context.signal, onLine: (line) => lines.push(line) });
    if (code === 0) context.counts.passed += 1;
    else context.counts.failures.push({ name: check.name, text: [`exit code ${code}`, ...lines].join('\n') });
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    context.terminal.line(`  ${code === 0 ? 'ok    ' : 'FAILED'}  ${check.name}  ${seconds} s`);
  }
}
