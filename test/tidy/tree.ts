import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's root folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Every file that is or would be committed, without the planted violations, relative to the root. */
export const files: readonly string[] = git('ls-files', '--cached', '--others', '--exclude-standard')
  .filter((file) => !file.startsWith('test/tidy/planted/') && existsSync(join(root, file)))
  .sort();

/** Program text, tests included. */
export const sources = files.filter((file) => /\.(ts|mjs|go|sh)$/.test(file));

/** TypeScript that ships. */
export const productSources = files.filter((file) => /^(src|machines)\/.*(?<!\.test)\.ts$/.test(file));

/** Markdown files. */
export const documents = files.filter((file) => file.endsWith('.md'));

/** The text of a file of the checkout. */
export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** `file:line: text` for each line of the files that `matches`. */
export function findLines(among: readonly string[], matches: RegExp): readonly string[] {
  return among.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((text, index) => (matches.test(text) ? [`${file}:${index + 1}: ${text.trim()}`] : [])),
  );
}

function git(...args: readonly string[]): string[] {
  return execFileSync('git', [...args, '-z'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter(Boolean);
}
