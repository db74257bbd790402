import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../lib/duration.ts';
import type { PlanWords } from './chaos-plan.ts';
import type { RunWords } from './chaos-run.ts';
import { addExperimentOptions, planWords, runWords } from './chaos-words.ts';
import { EXIT } from './exit.ts';
import type { LeverWords } from './levers.ts';
import type { Goal } from './release-tracker.ts';
import type { ActionType } from './request.ts';
import { addSimulateOptions, type SimulateWords, simulateWords } from './simulate-words.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly output: 'text' | 'json';
  readonly color: boolean;
}

/** What the command line asks for. */
export type Invocation =
  | {
      readonly command: 'get';
      readonly name: string | undefined;
      readonly options: { readonly allNamespaces?: boolean };
    }
  | { readonly command: 'watch'; readonly name: string | undefined; readonly options: WatchWords }
  | { readonly command: 'explain'; readonly name: string; readonly options: ExplainWords }
  | { readonly command: 'simulate'; readonly options: SimulateWords }
  | { readonly command: 'chaos'; readonly verb: 'list'; readonly options: { readonly allNamespaces?: boolean } }
  | { readonly command: 'chaos'; readonly verb: 'stop' | 'report'; readonly name: string }
  | { readonly command: 'chaos'; readonly verb: 'plan'; readonly options: PlanWords }
  | { readonly command: 'chaos'; readonly verb: 'run'; readonly options: RunWords }
  | { readonly command: 'lever'; readonly words: LeverWords }
  | { readonly command: 'act'; readonly type: ActionType; readonly name: string; readonly options: ActWords };

interface WatchWords {
  readonly allNamespaces?: boolean;
  readonly goal?: Goal;
  readonly timeoutMs?: number;
}

interface ExplainWords {
  readonly revision?: string;
  readonly svg?: string;
  readonly ascii?: boolean;
}

interface ActWords {
  readonly revision?: string;
  readonly wait?: boolean;
  readonly timeoutMs: number;
}

/** Does what the command line asks for and gives the exit code. */
export type Run = (invocation: Invocation, global: GlobalOptions) => Promise<number>;

/** Where help and complaints about the command line go. */
export interface HelpOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const EXIT_CODES = `
Exit codes: 0 done (of a wait: it came as asked); 1 the release ended otherwise, there is none to act on, or it is
explained by another decision than was made;
2 wrong command line; 3 --timeout passed first; 4 not found, refused, or no API server; 130 and 143 a wait was interrupted.`;

const PLAN_CODES = `
Exit codes: 0 it would be admitted; 1 it would not, or would have to wait; 2 wrong command line; 4 not found, wrong file, not
allowed, or no API server.`;

const RUN_CODES = `
Exit codes: 0 Passed (with --no-wait: created); 1 Failed; 2 wrong command line; 3 --timeout passed first, and it goes on;
4 wrong file, a name that is taken, not allowed, or no API server; 5 nothing was shown: Inconclusive, Stopped, or not created
because it would be denied; 130 and 143 interrupted, and stopped.`;

/** Reads the command line, hands it to `run` and gives the exit code. */
export async function sluiceProgram(
  argv: readonly string[],
  { run, version, output }: { readonly run: Run; readonly version: string; readonly output: HelpOutput },
): Promise<number> {
  let code: number = EXIT.ok;
  const program = define(version, output, async (invocation, global) => {
    code = await run(invocation, global);
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

type Finish = (invocation: Invocation, global: GlobalOptions) => Promise<void>;

function define(version: string, output: HelpOutput, finish: Finish): Command {
  const program = withGlobals(new Command('sluice'))
    .description('Shows and steers the releases of Sluice. Also `kubectl sluice`.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: output.out,
      writeErr: output.err,
      outputError: (text, write) => write(`sluice: ${text.replace(/^error: /, '')}`),
    })
    .showHelpAfterError('(sluice --help shows what there is)')
    .addHelpText('after', examples(['sluice get', 'sluice watch checkout -n shop', 'sluice abort checkout --wait']))
    .addHelpText('after', EXIT_CODES);
  addGet(program, finish);
  addWatch(program, finish);
  addExplain(program, finish);
  addSimulate(program, finish);
  addChaos(program, finish);
  addLever(program, 'halt', finish);
  addLever(program, 'freeze', finish);
  for (const [type, text] of Object.entries(ACTIONS)) addAction(program, type as ActionType, { text, finish });
  return program;
}

function addGet(program: Command, finish: Finish): void {
  command(program, 'get', 'show Rollouts in a table, or one of them in detail')
    .argument('[name]', 'the Rollout; without it all of the namespace', named)
    .option('-A, --all-namespaces', 'all namespaces')
    .addHelpText(
      'after',
      examples(['sluice get', 'sluice get -A', 'sluice get checkout', 'sluice get checkout -o json']),
    )
    .addHelpText('after', EXIT_CODES)
    .action((name: string | undefined, words: { allNamespaces?: boolean }, self: Command) => {
      if (name !== undefined && words.allNamespaces)
        self.error('error: a NAME and --all-namespaces exclude each other');
      const options = words.allNamespaces === true ? { allNamespaces: true } : {};
      return finish({ command: 'get', name, options }, globalsOf(self));
    });
}

function addWatch(program: Command, finish: Finish): void {
  command(program, 'watch', 'show changes as they happen: drawn live on a terminal, else one line for each')
    .argument('[name]', 'the Rollout; without it all of the namespace', named)
    .option('-A, --all-namespaces', 'all namespaces')
    .addOption(
      new Option(
        '--for <goal>',
        'end with the release: "done" when it is over and cleared up, "promoted" also as soon as it is on its way back',
      ).choices(['promoted', 'done']),
    )
    .option('--until-done', 'same as --for done')
    .option('--timeout <duration>', 'give up after this time, such as 90s or 15m (default: never)', duration)
    .addHelpText(
      'after',
      examples([
        'sluice watch checkout',
        'sluice watch checkout --until-done --timeout 15m',
        'sluice watch -A -o json',
      ]),
    )
    .addHelpText('after', EXIT_CODES)
    .action((name: string | undefined, words: Record<string, unknown>, self: Command) => {
      const goal = (words['for'] ?? (words['untilDone'] === true ? 'done' : undefined)) as Goal | undefined;
      if (name === undefined && goal !== undefined)
        self.error('error: --for and --until-done need the NAME of a Rollout');
      if (name !== undefined && words['allNamespaces'])
        self.error('error: a NAME and --all-namespaces exclude each other');
      const options = {
        ...(words['allNamespaces'] === true && { allNamespaces: true }),
        ...(goal !== undefined && { goal }),
        ...(words['timeout'] !== undefined && { timeoutMs: words['timeout'] as number }),
      };
      return finish({ command: 'watch', name, options }, globalsOf(self));
    });
}

function addExplain(program: Command, finish: Finish): void {
  command(program, 'explain', 'decide again from the recorded evidence of a release, and show how it came to that')
    .argument('<name>', 'the Rollout', named)
    .option('--revision <revision>', 'the revision whose release is meant (default: the newest)', named)
    .option('--svg <file>', 'draw the picture into this file too', named)
    .option('--ascii', 'no characters but ASCII')
    .addHelpText(
      'after',
      examples([
        'sluice explain checkout',
        'sluice explain checkout --svg checkout.svg',
        'sluice explain checkout --revision 7f9c8b5d4f -o json',
      ]),
    )
    .addHelpText('after', EXIT_CODES)
    .action((name: string, options: ExplainWords, self: Command) => {
      const { revision, svg, ascii } = options;
      const words = {
        ...(revision !== undefined && { revision }),
        ...(svg !== undefined && { svg }),
        ...(ascii === true && { ascii }),
      };
      return finish({ command: 'explain', name, options: words }, globalsOf(self));
    });
}

function addSimulate(program: Command, finish: Finish): void {
  const text = 'release a spec many times on a virtual clock, beside the rules of Flagger and Argo Rollouts';
  addSimulateOptions(command(program, 'simulate', text), duration)
    .addHelpText(
      'after',
      examples([
        'sluice simulate -f rollout.yaml',
        'sluice simulate -f rollout.yaml --traffic low --fault none errors-5 --runs 1000',
        'sluice simulate -f rollout.yaml --rate 20 --against argo-docs -o json',
        'sluice simulate --list-profiles',
      ]),
    )
    .addHelpText('after', EXIT_CODES)
    .action((words: Record<string, unknown>, self: Command) =>
      finish({ command: 'simulate', options: simulateWords(words) }, globalsOf(self)),
    );
}

function addChaos(program: Command, finish: Finish): void {
  const chaos = command(program, 'chaos', 'plan, run, show and stop chaos experiments');
  command(chaos, 'list', 'show experiments in a table')
    .option('-A, --all-namespaces', 'all namespaces')
    .addHelpText('after', examples(['sluice chaos list', 'sluice chaos list -A -o json']))
    .action((words: { allNamespaces?: boolean }, self: Command) =>
      finish({ command: 'chaos', verb: 'list', options: words }, globalsOf(self)),
    );
  addPlan(chaos, finish);
  addRun(chaos, finish);
  const texts = { stop: 'end an experiment at once', report: 'print what an experiment did and showed, as Markdown' };
  for (const [verb, text] of Object.entries(texts) as ['stop' | 'report', string][]) {
    command(chaos, verb, text)
      .argument('<name>', 'the ChaosExperiment', named)
      .addHelpText(
        'after',
        examples([`sluice chaos ${verb} payments-503`, `sluice chaos ${verb} payments-503 -n shop`]),
      )
      .action((name: string, _: unknown, self: Command) => finish({ command: 'chaos', verb, name }, globalsOf(self)));
  }
}

function addPlan(chaos: Command, finish: Finish): void {
  const text = 'show whom an experiment would touch, what it would write and what stands in its way; writes nothing';
  addExperimentOptions(command(chaos, 'plan', text, ['text', 'json', 'yaml']), { text: named })
    .argument('[name]', 'one that exists, instead of a file', named)
    .addHelpText(
      'after',
      examples([
        'sluice chaos plan -f experiments/brown-out/experiment.yaml --prometheus http://127.0.0.1:9090',
        'sluice chaos plan -f experiment.yaml -o yaml    # the objects that would be written',
        'sluice chaos plan payments-503 -n shop -o json',
      ]),
    )
    .addHelpText('after', PLAN_CODES)
    .action((name: string | undefined, words: Record<string, unknown>, self: Command) => {
      const global = globalsOf(self);
      const isYaml = self.opts()['output'] === 'yaml';
      const options = planWords(name, words, isYaml);
      if (options === null) self.error('error: name either one that exists, or a file by -f');
      return finish({ command: 'chaos', verb: 'plan', options }, isYaml ? { ...global, output: 'text' } : global);
    });
}

function addRun(chaos: Command, finish: Finish): void {
  const text = 'create an experiment and follow it to its verdict; Ctrl-C stops it, and waits until nobody is touched';
  addExperimentOptions(command(chaos, 'run', text), { text: named })
    .option('--no-wait', 'return as soon as it is created')
    .option('--wait', 'follow it to its verdict (default)')
    .option('--timeout <duration>', 'give up following after this time; it goes on (default: never)', duration)
    .addHelpText(
      'after',
      examples([
        'sluice chaos run -f experiments/brown-out/experiment.yaml',
        'sluice chaos run -f experiment.yaml --name brown-out-2 --timeout 15m && echo resilient',
        'sluice chaos run -f experiment.yaml --no-wait -o json',
      ]),
    )
    .addHelpText('after', RUN_CODES)
    .action((words: Record<string, unknown>, self: Command) => {
      const options = runWords(words);
      if (options === null) self.error('error: name the file of the experiment by -f');
      if (!options.wait && options.timeoutMs !== undefined)
        self.error('error: --timeout and --no-wait exclude each other');
      return finish({ command: 'chaos', verb: 'run', options }, globalsOf(self));
    });
}

const LEVERS = {
  halt: {
    on: 'end every chaos experiment of the cluster at once, and admit none',
    off: 'admit chaos experiments again; those that were ended stay so',
    example: '"incident 4711"',
  },
  freeze: {
    on: 'let no release and no chaos experiment of the cluster begin; those under way go on',
    off: 'let releases and chaos experiments begin again, and those that waited at once',
    example: '"black week" --until 2026-11-30T08:00:00Z',
  },
} as const;

function addLever(program: Command, lever: LeverWords['lever'], finish: Finish): void {
  const { on, off, example } = LEVERS[lever];
  const pull = command(program, lever, on).option('--reason <text>', 'why, for those who have to wait', named);
  if (lever === 'freeze') {
    pull.option('--until <time>', 'when it is over by itself: a time such as 2026-11-30T08:00:00Z, or in 2h', moment);
  }
  pull
    .addHelpText('after', examples([`sluice ${lever}`, `sluice ${lever} --reason ${example}`]))
    .addHelpText('after', EXIT_CODES)
    .action(({ reason, until }: Pick<LeverWords, 'reason' | 'until'>, self: Command) =>
      finish({ command: 'lever', words: { lever, isOn: true, reason, until } }, globalsOf(self)),
    );
  command(program, `un${lever}`, off)
    .addHelpText('after', examples([`sluice un${lever}`]))
    .addHelpText('after', EXIT_CODES)
    .action((_: unknown, self: Command) => {
      const words = { lever, isOn: false, reason: undefined, until: undefined };
      return finish({ command: 'lever', words }, globalsOf(self));
    });
}

const ACTIONS: Readonly<Record<ActionType, string>> = {
  Pause: 'keep the weight as it is; a bad version is still taken back',
  Resume: 'go on after a pause, or after somebody else has changed the route',
  Promote: 'skip what is left of steps, holds and bake; a bad version is still taken back',
  Abort: 'give all requests back to the stable version at once',
};

const DEFAULT_WAIT = '5m';

function addAction(program: Command, type: ActionType, { text, finish }: { text: string; finish: Finish }): void {
  const verb = type.toLowerCase();
  command(program, verb, text)
    .argument('<name>', 'the Rollout', named)
    .option('--revision <revision>', 'the revision that is meant (default: the one in progress)', named)
    .option('--wait', 'wait until the effect is seen')
    .option('--timeout <duration>', `how long --wait waits (default: ${DEFAULT_WAIT})`, duration)
    .addHelpText(
      'after',
      examples([
        `sluice ${verb} checkout`,
        `sluice ${verb} checkout -n shop --wait`,
        `sluice ${verb} checkout --revision 7f9c8b5d4f`,
      ]),
    )
    .addHelpText('after', EXIT_CODES)
    .action((name: string, words: { revision?: string; wait?: boolean; timeout?: number }, self: Command) => {
      const { revision, wait, timeout } = words;
      if (timeout !== undefined && wait !== true) self.error('error: --timeout needs --wait');
      const options = {
        ...(revision !== undefined && { revision }),
        ...(wait !== undefined && { wait }),
        timeoutMs: timeout ?? duration(DEFAULT_WAIT),
      };
      return finish({ command: 'act', type, name, options }, globalsOf(self));
    });
}

/** A command whose global options may stand before or after its name. */
function command(program: Command, name: string, text: string, formats = FORMATS): Command {
  return withGlobals(program.command(name).description(text).helpOption('-h, --help', 'print this help'), formats);
}

const FORMATS: readonly string[] = ['text', 'json'];

function withGlobals(target: Command, formats = FORMATS): Command {
  return target
    .enablePositionalOptions()
    .option('-n, --namespace <namespace>', "namespace (default: the kubeconfig context's)", named)
    .option('--kubeconfig <file>', 'kubeconfig file (default: KUBECONFIG, then ~/.kube/config)')
    .option('--context <context>', 'context of the kubeconfig (default: the current one)')
    .addOption(new Option('-o, --output <format>', `${formats.join(' or ')} (default: text)`).choices(formats))
    .option('--no-color', 'no colours; they are left out anyway where there is no terminal, or NO_COLOR is set');
}

/** What stands after the command's name wins over what stands before it. */
function globalsOf(self: Command): GlobalOptions {
  const before = optionsBefore(self.parent);
  const after = self.opts();
  const first = <T>(name: string): T | undefined => (after[name] ?? before[name]) as T | undefined;
  const [namespace, kubeconfig, context] = ['namespace', 'kubeconfig', 'context'].map((name) => first<string>(name));
  return {
    ...(namespace !== undefined && { namespace }),
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(context !== undefined && { context }),
    output: first<'text' | 'json'>('output') ?? 'text',
    color: after['color'] !== false && before['color'] !== false,
  };
}

/** What stands before the command, nearest first. */
function optionsBefore(parent: Command | null): Record<string, unknown> {
  if (parent === null) return {};
  const [own, earlier] = [parent.opts(), optionsBefore(parent.parent)];
  return { ...earlier, ...own, color: own['color'] !== false && earlier['color'] !== false };
}

function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('It must be a time such as 90s, 15m or 1h30m.');
  return ms;
}

/** A time in UTC, or a duration from now. */
function moment(text: string): number | { readonly inMs: number } {
  const inMs = parseDuration(text);
  if (inMs !== undefined && inMs > 0) return { inMs };
  const at = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError('It must be a time such as 2026-11-30T08:00:00Z, or 2h.');
  return at;
}

/** An empty word is an unset variable in a script, not a wish for the default. */
function named(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}
