import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError, messageOf } from '../lab-error.ts';
import { withLock } from './lock.ts';
import { type Part, type PartName, partFolderName } from './part.ts';
import type { OnProgress } from './progress.ts';
import { PARTS } from './registry.ts';
import { run } from './run.ts';

/** Written last into an installed part. */
const RECEIPT = 'part.json';

interface Receipt {
  readonly name: PartName;
  readonly version: string;
  readonly source: string;
  /** What the program itself said its version is; empty for parts without a program. */
  readonly reported: string;
  readonly installMs: number;
  readonly installedAt: string;
}

/** A part that is there, checked, and ready to run. */
export interface InstalledPart extends Receipt {
  readonly folder: string;
  /** Absolute paths by short name. */
  readonly files: Readonly<Record<string, string>>;
  /** True when it was there before. */
  readonly cached: boolean;
}

export interface InstallOptions {
  readonly cache: string;
  readonly onProgress: OnProgress;
}

/** Installs those of the parts that the cache lacks; parts of different lanes at the same time. */
export async function installParts(
  names: readonly PartName[],
  options: InstallOptions,
): Promise<ReadonlyMap<PartName, InstalledPart>> {
  await mkdir(join(options.cache, 'parts'), { recursive: true });
  await requireToolsFor(names, options.cache);
  const lanes = Object.values(Object.groupBy(orderOf(names), (part) => part.lane));
  const installed = new Map<PartName, InstalledPart>();
  const results = await Promise.allSettled(
    lanes.map(async (lane) => {
      for (const part of lane ?? []) installed.set(part.name, await installPart(part, options));
    }),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return installed;
}

/** Throws the line about the first tool that is missing for parts which the cache lacks, before any work begins. */
export async function requireToolsFor(names: readonly PartName[], cache: string): Promise<void> {
  for (const part of orderOf(names)) {
    if (!(await readReceipt(part, join(cache, 'parts', partFolderName(part))))) part.requireTools();
  }
}

function orderOf(names: readonly PartName[]): Part[] {
  return Object.values(PARTS).filter((part) => names.includes(part.name));
}

/** Installs one part unless the cache has it. Safe against interruption and against others doing the same. */
export async function installPart(part: Part, options: InstallOptions): Promise<InstalledPart> {
  const folder = join(options.cache, 'parts', partFolderName(part));
  const before = await readReceipt(part, folder);
  if (before) return { ...before, cached: true };
  const onWait = (holder: number | undefined) =>
    options.onProgress({ kind: 'step', part: part.name, step: `wait for process ${holder ?? '?'}, which installs it` });
  return withLock(`lane ${part.lane} ${options.cache}`, { onWait }, async () => {
    const meanwhile = await readReceipt(part, folder);
    if (meanwhile) return { ...meanwhile, cached: true };
    await removeLeftovers(part, options.cache);
    return { ...(await installFresh(part, folder, options)), cached: false };
  });
}

async function installFresh(
  part: Part,
  folder: string,
  options: InstallOptions,
): Promise<Omit<InstalledPart, 'cached'>> {
  const startedAtMs = performance.now();
  const target = await mkdtemp(join(options.cache, 'parts', temporaryPrefix(part)));
  const step = (name: string, detail?: string) =>
    options.onProgress({ kind: 'step', part: part.name, step: name, ...(detail === undefined ? {} : { detail }) });
  try {
    await part.install({ target, cache: options.cache, step });
    step('check');
    const reported = await checkVersion(part, target);
    const installMs = Math.round(performance.now() - startedAtMs);
    const { name, version, source } = part;
    const receipt: Receipt = { name, version, source, reported, installMs, installedAt: new Date().toISOString() };
    await writeFile(join(target, RECEIPT), `${JSON.stringify(receipt, null, 2)}\n`);
    await rename(target, folder);
    options.onProgress({ kind: 'done', part: name, result: `installed ${version}`, elapsedMs: installMs });
    return { ...receipt, folder, files: absolute(part, folder) };
  } catch (cause) {
    await rm(target, { recursive: true, force: true });
    const missing = cause instanceof LabError && cause.missing;
    throw new LabError(`${part.name} ${part.version}: ${messageOf(cause)}`, { cause, missing });
  }
}

async function checkVersion(part: Part, folder: string): Promise<string> {
  const absent = Object.values(part.files).find((file) => !existsSync(join(folder, file)));
  if (absent) throw new LabError(`the installed part has no ${absent}`);
  if (!part.check) return '';
  const output = await run(join(folder, part.check.file), part.check.args);
  if (output.includes(part.check.expect)) return output.trim().split('\n')[0] ?? '';
  throw new LabError(
    `${part.check.file} ${part.check.args.join(' ')} says "${output.trim()}", not ${part.check.expect}`,
  );
}

async function readReceipt(part: Part, folder: string): Promise<Omit<InstalledPart, 'cached'> | undefined> {
  const text = await readFile(join(folder, RECEIPT), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  return { ...(JSON.parse(text) as Receipt), folder, files: absolute(part, folder) };
}

function absolute(part: Part, folder: string): Record<string, string> {
  return Object.fromEntries(Object.entries(part.files).map(([name, file]) => [name, join(folder, file)]));
}

function temporaryPrefix(part: Part): string {
  return `.unfinished-${part.name}-`;
}

/** Folders that an interrupted installation left; the lock says that nobody is at work on them. */
async function removeLeftovers(part: Part, cache: string): Promise<void> {
  const parts = join(cache, 'parts');
  const left = (await readdir(parts)).filter((name) => name.startsWith(temporaryPrefix(part)));
  await Promise.all(left.map((name) => rm(join(parts, name), { recursive: true, force: true })));
}
