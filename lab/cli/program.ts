import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { PARTS } from '../parts/registry.ts';
import { PART_ACTIONS, type PartAction } from '../supervisor/control-protocol.ts';
import {
  buildCommand,
  downCommand,
  execCommand,
  logsCommand,
  partCommand,
  statusCommand,
  upCommand,
} from './commands.ts';
import { EXIT } from './report.ts';

const EXAMPLES = `
Examples:
  npm run lab -- up                          start the lab; the first time installs its parts (about 10 minutes)
  npm run lab -- up --name b                 a second lab beside it
  npm run lab -- kubectl get pods -A
  npm run lab -- exec -- curl -s 127.0.0.1:9090/-/ready
  npm run lab -- logs istiod -f
  npm run lab -- part stop prometheus
  npm run lab -- --name b down

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the lab does not run; exec and kubectl pass on their command's own.
Parts are cached in SLUICE_LAB_CACHE (default ~/.cache/sluice-lab), state is in SLUICE_LAB_STATE (default labs/ in it).`;

/** What the words of the command line ask for; `run` does it and gives the exit code. */
export interface LabCommands {
  readonly up: (name: string, options: { readonly scrapeInterval?: number }) => Promise<number>;
  readonly down: (name: string) => Promise<number>;
  readonly status: (name: string, options: { readonly json?: boolean }) => Promise<number>;
  readonly exec: (name: string, command: readonly string[]) => Promise<number>;
  readonly logs: (
    name: string,
    part: string,
    options: { readonly follow?: boolean; readonly lines: number },
  ) => Promise<number>;
  readonly part: (name: string, action: PartAction, part: string) => Promise<number>;
  readonly build: (parts: readonly string[]) => Promise<number>;
}

const COMMANDS: LabCommands = {
  up: upCommand,
  down: downCommand,
  status: statusCommand,
  exec: execCommand,
  logs: logsCommand,
  part: partCommand,
  build: buildCommand,
};

/** Runs the `lab` command line and gives its exit code. */
export async function labProgram(argv: readonly string[], commands: LabCommands = COMMANDS): Promise<number> {
  let code: number = EXIT.ok;
  const program = define(commands, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(argv);
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

function define(commands: LabCommands, finish: (code: number) => void): Command {
  const program = new Command('lab')
    .description('A real cluster on this machine: etcd, Kubernetes API, istiod, Envoy, Prometheus, Redis.')
    .addOption(nameOption())
    .enablePositionalOptions()
    .exitOverride()
    .addHelpText('after', EXAMPLES);
  // The name may stand before the command or, where the command does not take foreign options, after it.
  const nameOf = (command: Command): string => command.opts()['name'] ?? program.opts()['name'] ?? 'default';
  const add = (words: string, text: string) => program.command(words).description(text);

  add('up', 'start the lab and return when it is ready (nothing to do when it runs)')
    .addOption(nameOption())
    .option('--scrape-interval <seconds>', 'how often Prometheus scrapes (default 5)', positiveNumber)
    .action(async (options, command: Command) => finish(await commands.up(nameOf(command), options)));
  add('down', 'stop the lab; its data is removed at the next start')
    .addOption(nameOption())
    .action(async (_options, command: Command) => finish(await commands.down(nameOf(command))));
  add('status', 'show the parts')
    .addOption(nameOption())
    .option('--json', 'as JSON')
    .action(async (options, command: Command) => finish(await commands.status(nameOf(command), options)));
  passThrough(add('kubectl', 'run kubectl as administrator of the lab')).action(
    async (args: string[], _options, command: Command) =>
      finish(await commands.exec(nameOf(command), ['kubectl', ...args])),
  );
  passThrough(add('exec', 'run a command inside the lab: exec -- COMMAND…')).action(
    async (args: string[], _options, command: Command) => finish(await commands.exec(nameOf(command), args)),
  );
  add('logs', 'show the log of a part (or "supervisor")')
    .argument('<part>')
    .addOption(nameOption())
    .option('-f, --follow', 'go on with new lines')
    .option('-n, --lines <count>', 'lines from the end', positiveNumber, 200)
    .action(async (part: string, options, command: Command) =>
      finish(await commands.logs(nameOf(command), part, options)),
    );
  add('part', 'stop, start or restart one part; its data stays')
    .addArgument(program.createArgument('<action>').choices(PART_ACTIONS))
    .argument('<part>')
    .addOption(nameOption())
    .action(async (action: PartAction, part: string, _options, command: Command) =>
      finish(await commands.part(nameOf(command), action, part)),
    );
  add('build', `install parts into the cache: ${Object.keys(PARTS).join(', ')} (default: all)`)
    .argument('[part...]')
    .action(async (parts: string[]) => finish(await commands.build(parts)));
  for (const command of program.commands) command.exitOverride();
  return program;
}

/** A command that hands all its words on, options too. */
function passThrough(command: Command): Command {
  return command.argument('[words...]').allowUnknownOption().passThroughOptions().helpOption(false);
}

function nameOption(): Option {
  return new Option('--name <name>', 'which lab (default "default")');
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('it must be a number above 0.');
}
