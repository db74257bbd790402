import { openLab } from '../../lab/lab.ts';
import { streamProgress } from '../../lab/parts/progress.ts';

const SCRAPE_INTERVAL_S = 5;

/** Runs a script inside the lab of that name, which is started for it if it does not run; resolves with its exit code. */
export async function runOnLab(name: string, script: string, words: readonly string[]): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  const progress = streamProgress();
  const lab = await openLab({
    name,
    scrapeIntervalSeconds: SCRAPE_INTERVAL_S,
    onProgress: progress.report,
    signal: stop.signal,
  }).finally(progress.end);
  try {
    const child = lab.exec(process.execPath, [script, ...words], { stdio: 'inherit' });
    stop.signal.addEventListener('abort', () => child.kill('SIGTERM'));
    return await new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  } finally {
    await lab.close();
  }
}
