import { expect, test } from 'vitest';
import { cacheFolder, labPaths } from './paths.ts';

test('the cache is where the environment says', () => {
  expect(cacheFolder({ SLUICE_LAB_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
  expect(cacheFolder({ XDG_CACHE_HOME: '/b' })).toBe('/b/sluice-lab');
  expect(cacheFolder({})).toMatch(/\/\.cache\/sluice-lab$/);
});

test('each lab has a state folder by its name', () => {
  expect(labPaths('one', { SLUICE_LAB_CACHE: '/a' }).state).toBe('/a/labs/one');
  expect(labPaths('one', { SLUICE_LAB_CACHE: '/a', SLUICE_LAB_STATE: '/s' }).kubeconfig).toBe('/s/one/kubeconfig');
});

test.each(['', 'A', 'a b', '../x', '-a', 'a-', 'x'.repeat(33)])('the name "%s" is refused', (name) => {
  expect(() => labPaths(name, { SLUICE_LAB_STATE: '/s' })).toThrow(/lab name .* must be/);
});

test('a state folder too long for a socket is refused with the cure', () => {
  expect(() => labPaths('one', { SLUICE_LAB_STATE: `/${'x'.repeat(100)}` })).toThrow(
    /set SLUICE_LAB_STATE to a shorter/,
  );
});
