import { describe, expect, test } from 'vitest';
import { type ManagedFieldsEntry, withSpecOwnersOf } from './managed-fields.ts';

const entry = (manager: string, fieldsV1: object, operation = 'Update'): ManagedFieldsEntry => ({
  manager,
  operation,
  fieldsV1: fieldsV1 as Record<string, unknown>,
});
const all = { 'f:hosts': {}, 'f:http': {} };
const labels = { 'f:metadata': { 'f:labels': { 'f:team': {} } } };
const during = entry('sluice', { 'f:spec': { 'f:http': {} } });

describe('the owners after a restore', () => {
  test('are those of before, where only we wrote', () => {
    const before = [entry('gitops', { ...labels, 'f:spec': all }, 'Apply')];
    const now = [entry('gitops', { ...labels, 'f:spec': { 'f:hosts': {} } }, 'Apply'), during];
    expect(withSpecOwnersOf(before, now)).toEqual(before);
  });

  test('include one that owned nothing but what we took', () => {
    const before = [entry('kubectl', { 'f:spec': { 'f:http': {} } })];
    expect(withSpecOwnersOf(before, [during])).toEqual(before);
  });

  test('keep what others wrote outside the spec, and nothing inside', () => {
    const before = [entry('kubectl', { 'f:spec': all })];
    const now = [
      entry('kubectl', { ...labels, 'f:spec': { 'f:hosts': {} } }),
      entry('labeller', labels),
      entry('editor', { 'f:spec': { 'f:http': {} } }),
      during,
    ];
    expect(withSpecOwnersOf(before, now)).toEqual([
      entry('kubectl', { ...labels, 'f:spec': all }),
      entry('labeller', labels),
    ]);
  });

  test('tell one manager that applies from itself when it updates', () => {
    const before = [entry('kubectl', { 'f:spec': all }, 'Apply')];
    const now = [entry('kubectl', { 'f:spec': { 'f:hosts': {} } }, 'Apply'), entry('kubectl', labels), during];
    expect(withSpecOwnersOf(before, now)).toEqual([...before, entry('kubectl', labels)]);
  });
});
