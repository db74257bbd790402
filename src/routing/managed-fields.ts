import { MANAGER } from './own-object.ts';

/** One entry of `metadata.managedFields`. */
export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
}

/**
 * The entries after a restore: the spec belongs to whom it belonged before the release, and nothing of it to Sluice; all else
 * stays as it is now, so that a label which somebody set during the release remains theirs.
 */
export function withSpecOwnersOf(
  before: readonly ManagedFieldsEntry[],
  now: readonly ManagedFieldsEntry[],
): readonly ManagedFieldsEntry[] {
  const others = ownersButUs(now);
  const restored = before.flatMap((old) => {
    const current = others.find((entry) => isSameManager(entry, old));
    if (current === undefined) return ownsSpec(old) ? [old] : [];
    const spec = old.fieldsV1?.['f:spec'];
    return [{ ...current, fieldsV1: { ...withoutSpec(current), ...(spec !== undefined && { 'f:spec': spec }) } }];
  });
  const added = others
    .filter((entry) => !before.some((old) => isSameManager(old, entry)))
    .map((entry) => ({ ...entry, fieldsV1: withoutSpec(entry) }))
    .filter(({ fieldsV1 }) => Object.keys(fieldsV1).length > 0);
  return [...restored, ...added];
}

/** Without what a restore that was never completed has left to us. */
export function ownersButUs(entries: readonly unknown[] = []): readonly ManagedFieldsEntry[] {
  return (entries as readonly ManagedFieldsEntry[]).filter(({ manager }) => manager !== MANAGER);
}

const ownsSpec = (entry: ManagedFieldsEntry): boolean => entry.fieldsV1?.['f:spec'] !== undefined;

function withoutSpec({ fieldsV1 = {} }: ManagedFieldsEntry): Readonly<Record<string, unknown>> {
  const { 'f:spec': _spec, ...rest } = fieldsV1;
  return rest;
}

function isSameManager(a: ManagedFieldsEntry, b: ManagedFieldsEntry): boolean {
  return a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource;
}
