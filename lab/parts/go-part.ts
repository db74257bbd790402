import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InstallContext, Part, PartName } from './part.ts';
import { requireTool, run } from './run.ts';

export interface GoPartOptions {
  readonly name: PartName;
  readonly version: string;
  /** Folder below `parts/go` whose go.mod and go.sum pin the family. */
  readonly family: string;
  /** Go package of the program. */
  readonly packagePath: string;
  /** File name of the program. */
  readonly binary: string;
  /** Further linker flags, e.g. `-X path.name=value`. */
  readonly linkerFlags?: readonly string[];
  readonly check: { readonly args: readonly string[]; readonly expect: string };
}

const GO_CURE = 'install Go 1.21 or newer (https://go.dev/dl) and put it on the PATH';

/** The folder with the go.mod and go.sum of a family. */
export function goFamilyFolder(family: string): string {
  return join(import.meta.dirname, 'go', family);
}

/** The pinned module graph of a family, as a text to hash. */
export function goFamilyPins(family: string): string {
  return ['go.mod', 'go.sum'].map((file) => readFileSync(join(goFamilyFolder(family), file), 'utf8')).join('\n');
}

/** The path of `go`, or the one line that says how to get it. */
export function requireGo(): string {
  return requireTool('go', GO_CURE);
}

/** A part built from its Go module with the Go tool; an interrupted build goes on where Go's own cache ends. */
export function goPart(options: GoPartOptions): Part {
  const buildFlags = ['-trimpath', '-ldflags', ['-s', '-w', ...(options.linkerFlags ?? [])].join(' ')];
  return {
    name: options.name,
    version: options.version,
    source: `Go package ${options.packagePath}`,
    lane: 'go',
    cacheKey: () => [goFamilyPins(options.family), options.packagePath, ...buildFlags].join('\n'),
    requireTools: requireGo,
    install: (context) => build(options, buildFlags, context),
    files: { [options.binary]: `bin/${options.binary}` },
    check: { file: `bin/${options.binary}`, ...options.check },
  };
}

async function build(options: GoPartOptions, buildFlags: readonly string[], context: InstallContext): Promise<void> {
  const go = requireGo();
  const cwd = goFamilyFolder(options.family);
  const env = { CGO_ENABLED: '0', GOWORK: 'off' };
  context.step('download modules');
  const packages = await run(go, ['list', '-deps', options.packagePath], {
    cwd,
    env,
    onErrorLine: (line) => context.step('download modules', line.replace(/^go: downloading /, '')),
  });
  const total = packages.trimEnd().split('\n').length;
  let compiled = 0;
  context.step('compile', `0/${total} packages`);
  const output = join(context.target, 'bin', options.binary);
  await run(go, ['build', '-v', ...buildFlags, '-o', output, options.packagePath], {
    cwd,
    env,
    onErrorLine: (line) => {
      if (line.startsWith('go: ')) return;
      compiled += 1;
      context.step('compile', `${compiled}/${total} packages`);
    },
  });
}
