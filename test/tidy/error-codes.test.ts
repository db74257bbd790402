import { describe, expect, it } from 'vitest';
import { errorCodesIn } from './error-codes.ts';
import { files, productSources, read } from './tree.ts';

const used = errorCodesIn(productSources);
const usedCodes = new Set(used.map(({ code }) => code));

describe('an error code', () => {
  it('is written in capitals', () => {
    expect(used.filter(({ code }) => !/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(code))).toEqual([]);
  });

  it('always means the same to the reconciler', () => {
    const classes = [...usedCodes].map((code) => ({
      code,
      classes: new Set(used.filter((use) => use.code === code).flatMap(({ errorClass }) => errorClass ?? [])),
    }));
    expect(classes.filter(({ classes }) => classes.size > 1)).toEqual([]);
  });

  it('is found at the error itself', () => {
    expect(used).toContainEqual({ code: 'UNREACHABLE', errorClass: 'InvariantError', file: 'src/lib/errors.ts' });
  });

  it('is found where an adapter chooses it', () => {
    const translated = used.filter(({ file }) => file === 'src/kube/translate-error.ts').map(({ code }) => code);
    expect(translated).toEqual(expect.arrayContaining(['RESOURCE_VERSION_CONFLICT', 'UID_CONFLICT', 'FORBIDDEN']));
  });
});

describe('docs/errors.md', () => {
  const documented = files.includes('docs/errors.md')
    ? [...read('docs/errors.md').matchAll(/^(?:\||#+)\s*`([A-Z][A-Z0-9_]+)`/gm)].map((match) => match[1] ?? '')
    : [];

  it('explains every error code of the program', () => {
    const missing = used.filter(({ code }) => !documented.includes(code)).map(({ code, file }) => `${code} of ${file}`);
    expect([...new Set(missing)]).toEqual([]);
  });

  it('explains no code that the program does not have', () => {
    expect(documented.filter((code) => !usedCodes.has(code))).toEqual([]);
  });

  it('explains each code once', () => {
    expect(documented).toEqual([...new Set(documented)]);
  });
});
