import { parseArgs } from 'node:util';
import { tiers } from './tiers.ts';

export interface RunOptions {
  readonly kind: 'run';
  /** Names of the tiers to run. */
  readonly tiers: readonly string[];
  /** Only tests whose file path, or checks whose name, contains this. */
  readonly filter: string | undefined;
}

export type ParsedOptions =
  | RunOptions
  | { readonly kind: 'help' }
  | { readonly kind: 'refused'; readonly message: string };

/** Reads the command line; an unknown option or tier is refused with the names that exist. */
export function parseOptions(args: readonly string[]): ParsedOptions {
  const options = {
    only: { type: 'string', multiple: true },
    without: { type: 'string', multiple: true },
    filter: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true });
    if (values.help === true) return { kind: 'help' };
    return chooseTiers(values);
  } catch (error) {
    return { kind: 'refused', message: (error as Error).message };
  }
}

function chooseTiers(values: { only?: string[]; without?: string[]; filter?: string }): ParsedOptions {
  const names = tiers.map((tier) => tier.name);
  const unknown = [...(values.only ?? []), ...(values.without ?? [])].find((name) => !names.includes(name));
  if (unknown !== undefined) {
    return { kind: 'refused', message: `there is no tier "${unknown}"; tiers are ${names.join(', ')}` };
  }
  const chosen = names.filter(
    (name) => (values.only ?? names).includes(name) && !(values.without ?? []).includes(name),
  );
  if (chosen.length === 0) return { kind: 'refused', message: '--only and --without leave no tier to run' };
  return { kind: 'run', tiers: chosen, filter: values.filter };
}

/** What `npm test -- --help` prints. */
export function usage(): string {
  return `Usage: npm test -- [--only TIER]... [--without TIER]... [--filter TEXT]

Runs the tests tier by tier and ends with a table and the line "N passed, N failed, N skipped".
Exit code 1 when anything failed, 2 for a wrong option, 130 when interrupted.

Tiers:
${tiers.map((tier) => `  ${tier.name.padEnd(12)}${tier.purpose}`).join('\n')}

Options:
  --only TIER     run this tier; may be repeated
  --without TIER  run all tiers but this one; may be repeated
  --filter TEXT   only test files whose path, and checks whose name, contains TEXT

Environment:
  CI=true         a missing lab is a failure instead of a counted skip

Examples:
  npm test
  npm test -- --without lab
  npm test -- --only unit --filter src/routing
  npm test -- --only lab --filter rollout
  npx vitest run --project unit -t 'part of a test name'
`;
}
