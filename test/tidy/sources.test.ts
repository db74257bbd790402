import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { documents, files, findLines, productSources, read, root, sources } from './tree.ts';

const AIMED_LINES = 400;
const MOST_LINES = 600;
const MOST_README_WORDS = 100;
const MOST_BYTES = 1_000_000;

describe('a source file', () => {
  const lengths = sources.map((file) => ({ file, lines: countCodeLines(read(file)) }));

  it(`has at most ${MOST_LINES} lines of code`, () => {
    for (const { file, lines } of lengths.filter(({ lines }) => lines > AIMED_LINES)) {
      console.warn(`note: ${file} has ${lines} lines of code; aim at ${AIMED_LINES}`);
    }
    expect(lengths.filter(({ lines }) => lines > MOST_LINES)).toEqual([]);
  });

  it('names an issue in each note of unfinished work', () => {
    const unfinished = /\b(TODO|FIXME|XXX)\b(?!\(#\d+\))/;
    expect(findLines(exceptTidy(sources), unfinished)).toEqual([]);
  });

  it('has no test that is skipped or runs alone', () => {
    const marked = /\b(it|test|describe)\.(skip|only|todo)\b/;
    expect(findLines(exceptTidy(sources), marked)).toEqual([]);
  });

  it('has no folder that says nothing about its contents', () => {
    const vague = /(^|\/)(utils?|helpers?|common|misc|interfaces|enums|types)(\/|\.ts$)/;
    expect(files.filter((file) => vague.test(file))).toEqual([]);
  });

  it('writes to the console only in the command line', () => {
    expect(
      findLines(
        productSources.filter((file) => !file.startsWith('src/cli/')),
        /\bconsole\./,
      ),
    ).toEqual([]);
  });
});

describe('a folder with sources', () => {
  const folders = new Set(
    sources
      .filter((file) => /^(src|machines|lab|test)\//.test(file))
      // The README of a tier speaks for the folders of its cases.
      .map((file) => /^test\/\w+/.exec(dirname(file))?.[0] ?? dirname(file)),
  );

  it('has a README', () => {
    expect([...folders].filter((folder) => !files.includes(`${folder}/README.md`))).toEqual([]);
  });

  it(`has a README of at most ${MOST_README_WORDS} words`, () => {
    const long = [...folders]
      .map((folder) => `${folder}/README.md`)
      .filter((file) => files.includes(file))
      .map((file) => `${file}: ${countWords(read(file))} words`)
      .filter((line) => Number(/(\d+) words$/.exec(line)?.[1]) > MOST_README_WORDS);
    expect(long).toEqual([]);
  });
});

describe('a committed file', () => {
  it('has less than a megabyte', () => {
    expect(files.filter((file) => statSync(join(root, file)).size > MOST_BYTES)).toEqual([]);
  });

  it('is text', () => {
    expect(files.filter((file) => read(file).includes('\0'))).toEqual([]);
  });

  it('names no path of a particular machine', () => {
    const machinePath = /(^|[\s"'`(=:])\/(work|root|home\/\w+|Users\/\w+)\//;
    expect(findLines(exceptTidy(files), machinePath)).toEqual([]);
  });

  it('names no registry host', () => {
    const registry =
      /registry\.npmjs\.org|registry\.yarnpkg|proxy\.golang\.org|sum\.golang\.org|pypi\.org|files\.pythonhosted|deb\.debian\.org/;
    expect(findLines(exceptTidy(files), registry)).toEqual([]);
  });

  it('names no e-mail address', () => {
    const address = /[\w.+-]+@(?!example\.)[\w-]+(\.[\w-]+)*\.(com|org|net|io|dev|de|me)\b/;
    expect(
      findLines(
        exceptTidy(files).filter((file) => file !== 'package-lock.json'),
        address,
      ),
    ).toEqual([]);
  });
});

describe('package-lock.json', () => {
  it('leaves the registry to the machine that installs', () => {
    expect(read('package-lock.json')).not.toContain('"resolved"');
  });
});

it('counts lines of code and words as it says', () => {
  expect(countCodeLines('// why\n\n/** what\n * more\n */\nconst a = 1;\n')).toBe(1);
  expect(countWords('# Two words\n\n| a | table |\n\n```\ncode here\n```\n\nThree more words.\n')).toBe(5);
  expect(documents.length).toBeGreaterThan(0);
});

/** Lines that are neither blank nor comment. */
function countCodeLines(text: string): number {
  const withoutBlocks = text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '');
  return withoutBlocks.split('\n').filter((line) => line.trim() !== '' && !/^\s*(\/\/|#)/.test(line)).length;
}

/** Words outside tables and code blocks. */
function countWords(text: string): number {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/^\s*\|.*$/gm, '');
  return prose.split(/\s+/).filter((word) => /\w/.test(word)).length;
}

/** These tests name what they look for. */
function exceptTidy(among: readonly string[]): readonly string[] {
  return among.filter((file) => !file.startsWith('test/tidy/'));
}
