import { describe, expect, it } from 'vitest';
import { errorCodesIn } from './error-codes.ts';
import { files, productSources, read } from './tree.ts';

const used = errorCodesIn(productSources);
const usedCodes = [...new Set(used.map(({ code }) => code))].sort();

describe('docs/errors.md', () => {
  const documented = files.includes('docs/errors.md')
    ? [...read('docs/errors.md').matchAll(/^(?:\||#+)\s*`([A-Z][A-Z0-9_]+)`/gm)].map((match) => match[1] ?? '').sort()
    : [];

  it('explains every error code of the program', () => {
    const missing = used.filter(({ code }) => !documented.includes(code)).map(({ code, file }) => `${code} of ${file}`);
    expect([...new Set(missing)]).toEqual([]);
  });

  it('explains no code that the program does not have', () => {
    expect(documented.filter((code) => !usedCodes.includes(code))).toEqual([]);
  });

  it('explains each code once', () => {
    expect(documented).toEqual([...new Set(documented)]);
  });
});

describe('the search for error codes', () => {
  it('finds those that are written at the error itself', () => {
    expect(used).toContainEqual({ code: 'UNREACHABLE', file: 'src/lib/errors.ts' });
  });

  it('finds those that an adapter chooses', () => {
    expect(used).toContainEqual({ code: 'RESOURCE_VERSION_CONFLICT', file: 'src/kube/translate-error.ts' });
  });
});
