import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';

// The Kubernetes client is large: without the cache, reading it takes longer than all that a command does.
enableCompileCache();

const { runCommandLine } = await import('./run.ts');
process.exitCode = await runCommandLine(process.argv.slice(2), { version: ownVersion() });

/** From the sources the package is two folders up, from dist three. */
function ownVersion(): string {
  for (const above of ['../../', '../../../']) {
    try {
      const text = readFileSync(new URL(`${above}package.json`, import.meta.url), 'utf8');
      return (JSON.parse(text) as { readonly version: string }).version;
    } catch {
      // Look one folder higher.
    }
  }
  return 'unknown';
}
