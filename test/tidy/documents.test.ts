import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { documents, files, read, root } from './tree.ts';

const packageJson: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(read('package.json'));

describe('a document', () => {
  it('links to files that exist', () => {
    const broken = documents.flatMap((file) =>
      localLinks(read(file))
        .filter((target) => !isFile(normalize(join(dirname(file), target))))
        .map((target) => `${file}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const unknown = documents.flatMap((file) =>
      [...read(file).matchAll(/\bnpm run ([\w:-]+)/g)]
        .map((match) => match[1] ?? '')
        .filter((script) => packageJson.scripts[script] === undefined)
        .map((script) => `${file}: npm run ${script}`),
    );
    expect(unknown).toEqual([]);
  });

  it('names files of the checkout that exist', () => {
    const missing = documents
      .filter((file) => !file.startsWith('docs/decisions/'))
      .flatMap((file) =>
        [
          ...withoutCodeBlocks(read(file)).matchAll(
            /`((?:src|machines|lab|demo|test|scripts|docs|crds|bin)\/[\w./-]*\.\w+)`/g,
          ),
        ]
          .map((match) => match[1] ?? '')
          .filter((path) => !isFile(path) && !isFile(join(dirname(file), path)))
          .map((path) => `${file}: ${path}`),
      );
    expect(missing).toEqual([]);
  });
});

describe('the README', () => {
  it('stands at the root and names the test command', () => {
    expect(files).toContain('README.md');
    expect(read('README.md')).toContain('npm test');
  });
});

describe('.ci/run', () => {
  it('runs the test command that the README names', () => {
    expect(read('.ci/run')).toContain('npm test');
  });
});

describe('the links of a document', () => {
  it('are found without anchors, addresses and code', () => {
    const text = '[a](b.md#part) ![p](img.svg) [w](https://example.com) [h](#here)\n```\n[c](code.md)\n```\n';
    expect(localLinks(text)).toEqual(['b.md', 'img.svg']);
  });
});

/** Targets of Markdown links into the checkout, without their anchors. */
function localLinks(text: string): readonly string[] {
  return [...withoutCodeBlocks(text).matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)]
    .map((match) => (match[1] ?? '').replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target));
}

function withoutCodeBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '');
}

function isFile(path: string): boolean {
  return existsSync(join(root, path));
}
