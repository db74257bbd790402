import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError, messageOf } from '../lab-error.ts';
import type { InstallContext, Part } from './part.ts';
import { requireTool, run } from './run.ts';

interface DebianPackage {
  readonly name: string;
  readonly version: string;
}

const APT_CURE = 'the lab takes Prometheus and Redis from Debian packages; run it on Debian or Ubuntu';

/** Runs the program of the same name with the libraries that were unpacked beside it, wherever that is. */
const WRAPPER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$here/../usr/lib/x86_64-linux-gnu" exec "$here/../usr/bin/$(basename "$0")" "$@"
`;

/** Prometheus of Debian 12. */
export const prometheus = debianPart({
  name: 'prometheus',
  version: '2.42.0',
  packages: [{ name: 'prometheus', version: '2.42.0+ds-5+deb12u1' }],
  programs: ['prometheus', 'promtool'],
  expect: 'prometheus, version 2.',
});

/** Redis of Debian 12, with the libraries that a small machine may lack. */
export const redis = debianPart({
  name: 'redis',
  version: '7.0.15',
  packages: [
    { name: 'redis-server', version: '5:7.0.15-1~deb12u10' },
    { name: 'redis-tools', version: '5:7.0.15-1~deb12u10' },
    { name: 'libjemalloc2', version: '5.3.0-1' },
    { name: 'liblzf1', version: '3.6-3' },
    { name: 'libatomic1', version: '12.2.0-14+deb12u1' },
  ],
  programs: ['redis-server', 'redis-cli'],
  expect: 'Redis server v=',
});

interface DebianPartOptions {
  readonly name: 'prometheus' | 'redis';
  readonly version: string;
  readonly packages: readonly DebianPackage[];
  /** Names in /usr/bin; the first one is asked for its version. */
  readonly programs: readonly [string, ...string[]];
  readonly expect: string;
}

/**
 * A part unpacked from Debian packages. Nothing is installed on the system: no root, no services started, and the
 * package lists are our own, so neither a running apt nor stale lists of the machine matter.
 */
function debianPart(options: DebianPartOptions): Part {
  return {
    name: options.name,
    version: options.version,
    source: `Debian packages ${options.packages.map((one) => one.name).join(', ')}`,
    lane: 'apt',
    cacheKey: () => [WRAPPER, ...options.packages.map((one) => `${one.name}=${one.version}`)].join('\n'),
    requireTools: () => {
      requireTool('apt-get', APT_CURE);
      requireTool('dpkg', APT_CURE);
    },
    install: (context) => install(options, context),
    files: Object.fromEntries(options.programs.map((program) => [program, `bin/${program}`])),
    check: { file: `bin/${options.programs[0]}`, args: ['--version'], expect: options.expect },
  };
}

async function install(options: DebianPartOptions, context: InstallContext): Promise<void> {
  await unpack(options.packages, context);
  await mkdir(join(context.target, 'bin'));
  for (const program of options.programs) {
    await writeFile(join(context.target, 'bin', program), WRAPPER, { mode: 0o755 });
  }
}

async function unpack(packages: readonly DebianPackage[], context: InstallContext): Promise<void> {
  const apt = requireTool('apt-get', APT_CURE);
  const dpkg = requireTool('dpkg', APT_CURE);
  const downloads = join(context.target, 'downloads');
  const settings = await ownAptState(join(context.cache, 'apt'));
  await mkdir(downloads);
  context.step('update package lists');
  await run(apt, [...settings, 'update']);
  for (const one of packages) {
    context.step('download', one.name);
    await download(apt, settings, one, { downloads, context });
  }
  for (const file of await readdir(downloads)) {
    context.step('unpack', file);
    await run(dpkg, ['-x', join(downloads, file), context.target]);
  }
  await rm(downloads, { recursive: true });
}

async function download(
  apt: string,
  settings: readonly string[],
  one: DebianPackage,
  where: { readonly downloads: string; readonly context: InstallContext },
): Promise<void> {
  try {
    await run(apt, [...settings, 'download', `${one.name}=${one.version}`], { cwd: where.downloads });
  } catch (pinned) {
    // Debian's mirrors drop a version when a security update replaces it.
    where.context.step('download', `${one.name} (${one.version} is no longer served, taking its successor)`);
    await run(apt, [...settings, 'download', one.name], { cwd: where.downloads }).catch((cause: unknown) => {
      throw new LabError(
        `cannot download the Debian package ${one.name}: ${messageOf(cause)}\n(and before: ${messageOf(pinned)})`,
        { cause },
      );
    });
  }
}

/** Options that make apt keep its state below `folder` instead of /var. */
async function ownAptState(folder: string): Promise<string[]> {
  const lists = join(folder, 'lists');
  const archives = join(folder, 'cache');
  await mkdir(join(lists, 'partial'), { recursive: true });
  await mkdir(join(archives, 'archives/partial'), { recursive: true });
  const options = [`Dir::State::Lists=${lists}`, `Dir::Cache=${archives}`, 'APT::Sandbox::User=', 'Acquire::Retries=3'];
  return ['-q', ...options.flatMap((option) => ['-o', option])];
}
