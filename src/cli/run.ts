import { styleText } from 'node:util';
import { systemClock } from '../lib/clock.ts';
import type { RunWords } from './chaos-run.ts';
import { errorLine } from './error-line.ts';
import { EXIT } from './exit.ts';
import { type GlobalOptions, type Invocation, sluiceProgram } from './program.ts';
import type { Screen, Session } from './session.ts';
import type { Desk } from './simulate.ts';
import { type Paint, plain, type Tone } from './view/paint.ts';

/** Runs `sluice` with these words on the process's own streams and gives the exit code. Never throws. */
export async function runCommandLine(
  argv: readonly string[],
  { version }: { readonly version: string },
): Promise<number> {
  endQuietlyWithReader();
  const complain = (line: string) => process.stderr.write(`sluice: ${line}\n`);
  try {
    return await sluiceProgram(argv, {
      version,
      run: async (invocation, global) => {
        if (invocation.command === 'simulate')
          return await (await import('./simulate.ts')).simulate(deskOf(global), invocation.options);
        if (invocation.command === 'chaos' && invocation.verb === 'run')
          return await runChaos(global, invocation.options);
        return await dispatch(await openSession(global, isWaiting(invocation)), invocation);
      },
      output: { out: (text) => process.stdout.write(text), err: (text) => process.stderr.write(text) },
    });
  } catch (error) {
    const { line, exitCode } = errorLine(error);
    complain(line);
    return exitCode;
  }
}

/** What is asked of a cluster. */
type ClusterInvocation = Exclude<Invocation, { readonly command: 'simulate' } | { readonly verb: 'run' }>;

async function dispatch(session: Session, invocation: ClusterInvocation): Promise<number> {
  switch (invocation.command) {
    case 'get':
      return await (await import('./get.ts')).get(session, invocation.name, invocation.options);
    case 'watch':
      return await (await import('./watch.ts')).watch(session, invocation.name, invocation.options);
    case 'explain':
      return await (await import('./explain.ts')).explain(session, invocation.name, invocation.options);
    case 'chaos': {
      const { listExperiments, reportExperiment, stopExperiment } = await import('./chaos.ts');
      if (invocation.verb === 'plan')
        return await (await import('./chaos-plan.ts')).planExperimentCommand(session, invocation.options);
      if (invocation.verb === 'list') return await listExperiments(session, invocation.options);
      return await (invocation.verb === 'stop' ? stopExperiment : reportExperiment)(session, invocation.name);
    }
    case 'lever':
      return await (await import('./levers.ts')).setLever(session, invocation.words);
    case 'act':
      return await (await import('./act.ts')).act(session, invocation.type, invocation.name, invocation.options);
  }
}

/** The first signal asks it to stop, the second leaves it. */
async function runChaos(global: GlobalOptions, words: RunWords): Promise<number> {
  const [first, second] = untilSignals();
  const session = { ...(await openSession(global, false)), signal: second };
  return await (await import('./chaos-run.ts')).runExperiment(session, words, { asksToStop: first });
}

/** Who waits ends in good order on a signal; everything else is short, and ends at once as it would by itself. */
function isWaiting(invocation: ClusterInvocation): boolean {
  return invocation.command === 'watch' || (invocation.command === 'act' && invocation.options.wait === true);
}

/** The client is loaded here, so that help and complaints about the command line come at once. */
async function openSession(global: GlobalOptions, waits: boolean): Promise<Session> {
  const { createKube } = await import('../kube/client.ts');
  const { currentNamespace } = await import('../kube/current-namespace.ts');
  const { kubeconfig, context } = global;
  return {
    ...streamsOf(global),
    kube: createKube({ kubeconfigPath: kubeconfig, context, userAgent: 'sluice-cli' }),
    namespace: global.namespace ?? currentNamespace({ path: kubeconfig, context }),
    isNamespaceGiven: global.namespace !== undefined,
    signal: waits ? untilSignal() : new AbortController().signal,
  };
}

/** All that a command needs that asks no cluster. */
function deskOf(global: GlobalOptions): Desk {
  const { stderr } = process;
  const progress = stderr.isTTY === true ? (text: string) => stderr.write(text) : null;
  return { ...streamsOf(global), signal: untilSignal(), progress };
}

function streamsOf(global: GlobalOptions): Pick<Session, 'clock' | 'isJson' | 'out' | 'note' | 'paint'> {
  return {
    clock: systemClock,
    isJson: global.output === 'json',
    out: screenOf(process.stdout),
    note: (line) => process.stderr.write(`${line}\n`),
    paint: global.color ? terminalPaint : plain,
  };
}

function screenOf(stream: NodeJS.WriteStream): Screen {
  return {
    write: (text) => stream.write(text),
    isTerminal: stream.isTTY === true,
    size: () => ({ columns: stream.columns || 80, rows: stream.rows || 24 }),
  };
}

const FORMATS = { good: 'green', bad: 'red', busy: 'yellow', quiet: 'dim', strong: 'bold' } as const satisfies Readonly<
  Record<Tone, string>
>;

/** Colours where standard output is a terminal that wants them: styleText looks at the stream and at NO_COLOR. */
const terminalPaint: Paint = (tone, text) => styleText(FORMATS[tone], text, { stream: process.stdout });

function untilSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(signal));
  return stop.signal;
}

/** Of two signals that may come one after the other. */
function untilSignals(): readonly [AbortSignal, AbortSignal] {
  const [first, second] = [new AbortController(), new AbortController()];
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => (first.signal.aborted ? second : first).abort(signal));
  return [first.signal, second.signal];
}

/** `sluice watch | head` ends with head, not with a stack trace. */
function endQuietlyWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
  });
}
