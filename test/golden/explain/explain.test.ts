import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { explanationLines } from '../../../src/cli/view/explanation.ts';
import { plain } from '../../../src/cli/view/paint.ts';
import { explainRecord } from '../../../src/explain/explanation.ts';
import { decodeRecord, encodeRecord } from '../../../src/explain/record.ts';
import { explanationSvg } from '../../../src/explain/svg.ts';
import { badRelease, goodRelease, recordOf } from '../../support/evidence-records.ts';

const directory = join(import.meta.dirname, 'cases');

const RECORDS = {
  bad: badRelease,
  good: goodRelease,
  'late-fault': () => recordOf({ canaryFails: (second) => (second > 200 ? 0.02 : 0.001) }),
  'in-progress': () => ({ ...recordOf({ seconds: 60 }), outcome: null }),
  'no-requests': () => ({ ...recordOf({ seconds: 0 }), outcome: null }),
} as const;

const CASES: readonly { readonly file: string; readonly text: () => string }[] = Object.entries(RECORDS).flatMap(
  ([name, record]) => {
    const explanation = () => explainRecord(decodeRecord(encodeRecord(record())));
    const lines = (isAscii: boolean) => () =>
      `${explanationLines(explanation(), { columns: 100, paint: plain, isAscii }).join('\n')}\n`;
    return [
      { file: `${name}.txt`, text: lines(false) },
      { file: `${name}.ascii.txt`, text: lines(true) },
      { file: `${name}.svg`, text: () => explanationSvg(explanation()) },
    ];
  },
);

describe('explanations', () => {
  test('every file in the folder is a case', () => {
    const files = process.env['UPDATE_GOLDEN'] === '1' ? CASES.map(({ file }) => file) : readdirSync(directory);
    expect([...files].sort()).toEqual(CASES.map(({ file }) => file).sort());
  });

  test.each(CASES)('$file', ({ file, text }) => {
    const path = join(directory, file);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text());
    expect(text()).toBe(readFileSync(path, 'utf8'));
  });
});
