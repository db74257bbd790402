import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../paths.ts';

/** What an image name stands for. */
export interface CatalogueImage {
  readonly entrypoint: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Keeps a Node process of a pod small: the programs of the catalogue need neither a big heap nor worker threads. */
const SMALL_NODE = [
  '--max-old-space-size=64',
  '--max-semi-space-size=2',
  '--v8-pool-size=1',
  '--disable-warning=ExperimentalWarning',
];

const CRASH = 'sleep "$AFTER_SECONDS"; echo "exits with $EXIT_CODE"; exit "$EXIT_CODE"';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const node = (path: string): CatalogueImage => ({
  entrypoint: [process.execPath, ...SMALL_NODE, source(path)],
  args: [],
  // Stripping types costs each process 20 MB and a tenth of a second; the cache keeps its result.
  env: { UV_THREADPOOL_SIZE: '1', NODE_COMPILE_CACHE: join(cacheFolder(), 'compiled') },
});

const shell = (script: string, env: Readonly<Record<string, string>> = {}): CatalogueImage => ({
  entrypoint: ['/bin/sh', '-c', script],
  args: [],
  env,
});

const images: ReadonlyMap<string, CatalogueImage> = new Map([
  ['lab/echo', node('../echo/main.ts')],
  ['lab/load', node('../load/main.ts')],
  ['lab/crash', shell(CRASH, { AFTER_SECONDS: '1', EXIT_CODE: '1' })],
  ['lab/none', shell('exec sleep infinity')],
  ['lab/pause', shell('exec sleep infinity')],
  ['pause', shell('exec sleep infinity')],
]);

/** What `image` runs, whatever its tag or digest; undefined for an image that the lab does not have. */
export function findImage(image: string): CatalogueImage | undefined {
  return images.get(image.replace(/(@.*|:[^/:]*)$/, ''));
}

/** The names that `findImage` knows. */
export const imageNames: readonly string[] = [...images.keys()];
