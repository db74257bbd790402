import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { openLab } from '../lab/lab.ts';
import { streamProgress } from '../lab/parts/progress.ts';

interface DemoOptions {
  readonly keep?: boolean;
  readonly name: string;
}

const program = new Command('demo')
  .description('A real cluster on this machine, a good release that is promoted and a bad one that is taken back.')
  .option('--keep', 'leave the cluster, the shop and the controller running at the end')
  .option('--name <name>', 'name of the lab', 'demo')
  .addHelpText(
    'after',
    '\nExamples:\n  npm run demo\n  npm run demo -- --keep\n\nExit code: 0 when both releases ended as they should, 1 when not.',
  )
  .action(run);

async function run({ keep = false, name }: DemoOptions): Promise<void> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => stop.abort(new Error(`stopped by ${signal}`));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  const progress = streamProgress();
  const lab = await openLab({ name, onProgress: progress.report, signal: stop.signal }).finally(progress.end);
  try {
    const story = fileURLToPath(new URL('./story.ts', import.meta.url));
    const child = lab.exec(process.execPath, [story], {
      stdio: 'inherit',
      env: { DEMO_STATE: lab.statePath, DEMO_LAB: name, DEMO_KEEP: keep ? '1' : '' },
    });
    stop.signal.addEventListener('abort', () => child.kill('SIGTERM'));
    process.exitCode = await new Promise<number>((resolve) => child.once('exit', (status) => resolve(status ?? 1)));
  } finally {
    if (!keep || stop.signal.aborted) await lab.close();
  }
}

await program.parseAsync().catch((error: unknown) => {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
