import type { Kind, KubeObject } from '../../src/kube/port.ts';
import type { RequestContext } from '../../src/kube/translate-error.ts';
import { changedLeaves, type FieldsEntry, fieldsOf, isSame, leavesOf, pathsOf, withLeaf } from './fake-kube-fields.ts';
import { fieldConflict } from './fake-kube-refuse.ts';
import { copy, type Draft } from './fake-kube-rules.ts';

export interface Write {
  readonly fieldManager: string;
  readonly subresource?: 'status' | 'scale' | undefined;
  readonly operation: 'Apply' | 'Update';
}

export function ownersOf({ metadata }: KubeObject): readonly FieldsEntry[] {
  return (metadata.managedFields ?? []) as readonly FieldsEntry[];
}

export function entryOf(kind: Kind, write: Write, paths: Iterable<string>, time: string): FieldsEntry {
  return {
    manager: write.fieldManager,
    operation: write.operation,
    apiVersion: kind.apiVersion,
    time,
    fieldsType: 'FieldsV1',
    fieldsV1: fieldsOf(paths),
    ...(write.subresource !== undefined && { subresource: write.subresource }),
  };
}

function isBy(write: Write, entry: FieldsEntry): boolean {
  return (
    entry.manager === write.fieldManager &&
    entry.operation === write.operation &&
    entry.subresource === write.subresource
  );
}

/** The changed fields belong to the writer alone from now on; removed ones to nobody. */
export function ownersAfterUpdate(
  kind: Kind,
  {
    before,
    after,
    write,
    owners,
  }: { before: KubeObject; after: KubeObject; write: Write; owners: readonly FieldsEntry[] },
  time: string,
): readonly FieldsEntry[] {
  const { set, removed } = changedLeaves(leavesOf(before), leavesOf(after));
  if (set.length === 0 && removed.length === 0) return owners;
  const taken = new Set([...set, ...removed]);
  const own = owners.find((entry) => isBy(write, entry));
  const kept = own === undefined ? [] : pathsOf(own.fieldsV1).filter((path) => !taken.has(path));
  const others = owners.filter((entry) => entry !== own).map((entry) => without(entry, taken));
  const entries = [...others, entryOf(kind, write, [...kept, ...set], time)];
  return inOrder(entries);
}

/** As the server keeps them: applied before updated, then by age, then by name; without those that own nothing. */
function inOrder(entries: readonly FieldsEntry[]): readonly FieldsEntry[] {
  const rank = ({ operation, time, manager }: FieldsEntry) => `${operation} ${time} ${manager}`;
  return entries
    .filter(({ fieldsV1 }) => Object.keys(fieldsV1).length > 0)
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

function without(entry: FieldsEntry, taken: ReadonlySet<string>): FieldsEntry {
  const paths = pathsOf(entry.fieldsV1);
  const kept = paths.filter((path) => !taken.has(path));
  return kept.length === paths.length ? entry : { ...entry, fieldsV1: fieldsOf(kept) };
}

export interface ApplyContext {
  readonly context: RequestContext;
  readonly kind: Kind;
  readonly write: Write;
  readonly force: boolean;
  readonly time: string;
}

/** Server-side apply: sets what is applied, removes what this manager applied before and nobody else holds. */
export function applyTo(
  before: KubeObject,
  applied: Draft,
  { context, kind, write, force, time }: ApplyContext,
): { readonly draft: Draft; readonly owners: readonly FieldsEntry[] } {
  const { status, ...rest } = applied;
  const scoped = write.subresource === 'status' ? { metadata: {}, ...(status !== undefined && { status }) } : rest;
  const [wanted, existing] = [leavesOf(scoped), leavesOf(before)];
  const owners = ownersOf(before);
  const others = owners.filter((entry) => !isBy(write, entry));
  const differing = [...wanted].filter(([path, value]) => !isSame(existing.get(path), value)).map(([path]) => path);
  const held = others.flatMap((entry) => {
    const paths = new Set(pathsOf(entry.fieldsV1));
    return differing.filter((path) => paths.has(path)).map((path) => ({ manager: entry.manager, path }));
  });
  if (held.length > 0 && !force) throw fieldConflict(context, held);
  const taken = new Set(held.map(({ path }) => path));
  const remaining = others.map((entry) => without(entry, taken));
  const heldByOthers = new Set(remaining.flatMap((entry) => pathsOf(entry.fieldsV1)));
  const own = owners.find((entry) => isBy(write, entry));
  const dropped = (own === undefined ? [] : pathsOf(own.fieldsV1)).filter(
    (path) => !wanted.has(path) && !heldByOthers.has(path),
  );
  let draft: object = copy(before);
  for (const path of dropped) draft = withLeaf(draft, path, undefined);
  for (const [path, value] of wanted) draft = withLeaf(draft, path, value);
  const entry = entryOf(kind, write, wanted.keys(), time);
  const isUnchanged =
    own !== undefined && isSame(own.fieldsV1, entry.fieldsV1) && differing.length + dropped.length === 0;
  const entries = [...remaining, isUnchanged ? own : entry];
  return { draft: draft as Draft, owners: inOrder(entries) };
}
