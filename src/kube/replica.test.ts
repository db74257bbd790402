import { describe, expect, test } from 'vitest';
import type { KubeObject } from './port.ts';
import { createReplica } from './replica.ts';

const pod = (name: string, version: number, app = 'a'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', uid: `${name}-uid`, resourceVersion: `${version}`, labels: { app } },
});

const replicaOf = (version: number, ...pods: KubeObject[]) => {
  const replica = createReplica<KubeObject>({
    transform: (object) => object,
    indexes: { app: ({ metadata }) => Object.values(metadata.labels ?? {}) },
  });
  replica.replaceAll({ items: pods, resourceVersion: `${version}` });
  return replica;
};
type TestReplica = ReturnType<typeof replicaOf>;
const content = (replica: TestReplica) =>
  replica.list().map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`);

describe('a replica', () => {
  test('takes only what is newer, compared as numbers of any size', () => {
    const replica = replicaOf(9, pod('a', 9));
    replica.put(pod('a', 8));
    expect(content(replica)).toEqual(['a@9']);
    replica.put(pod('a', 10));
    expect(content(replica)).toEqual(['a@10']);
    replica.observe({ type: 'MODIFIED', object: pod('a', 9) });
    expect(content(replica)).toEqual(['a@10']);
    const huge = { ...pod('a', 0), metadata: { ...pod('a', 0).metadata, resourceVersion: '18446744073709551616' } };
    replica.put(huge);
    expect(content(replica)).toEqual(['a@18446744073709551616']);
  });

  test('does not bring back what was deleted, by watch or by list', () => {
    const replica = replicaOf(10, pod('a', 5), pod('b', 6));
    replica.observe({ type: 'DELETED', object: pod('a', 12) });
    replica.put(pod('a', 11));
    expect(content(replica)).toEqual(['b@6']);
    replica.replaceAll({ items: [], resourceVersion: '20' });
    replica.put(pod('b', 19));
    expect(content(replica)).toEqual([]);
    replica.put(pod('b', 21));
    expect(content(replica)).toEqual(['b@21']);
  });

  test('keeps an own write that an older list does not know, until the watch says otherwise', () => {
    const replica = replicaOf(10);
    replica.put(pod('new', 15));
    replica.replaceAll({ items: [], resourceVersion: '12' });
    expect(content(replica)).toEqual(['new@15']);
    replica.observe({ type: 'DELETED', object: pod('new', 16) });
    expect(content(replica)).toEqual([]);
  });

  test('keeps a new object of the same name when the end of the old one is told late', () => {
    const replica = replicaOf(10, pod('a', 5));
    replica.put(pod('a', 15));
    expect(replica.observe({ type: 'DELETED', object: pod('a', 12) })).toEqual([]);
    expect(content(replica)).toEqual(['a@15']);
  });

  test('starts over with a server whose history went back', () => {
    const replica = replicaOf(1_000, pod('a', 900), pod('b', 950));
    const changes = replica.replaceAll({ items: [pod('b', 40)], resourceVersion: '50' });
    expect(content(replica)).toEqual(['b@40']);
    expect(changes.map(({ before, after }) => [before?.metadata.name, after?.metadata.name])).toEqual([
      ['a', undefined],
      ['b', 'b'],
    ]);
    expect(replica.version()).toBe('50');
  });

  test('remembers how far the server has told, bookmarks included', () => {
    const replica = replicaOf(10);
    replica.observe({ type: 'BOOKMARK', object: { ...pod('', 99), metadata: { name: '', resourceVersion: '99' } } });
    expect(replica.version()).toBe('99');
    expect(replica.list()).toEqual([]);
  });

  test('finds objects by namespace and by index, also after they changed', () => {
    const replica = replicaOf(10, pod('a', 5, 'x'), pod('b', 6, 'y'));
    const found = (app: string) => replica.byIndex('app', app).map(({ metadata }) => metadata.name);
    expect([found('x'), found('y')]).toEqual([['a'], ['b']]);
    replica.observe({ type: 'MODIFIED', object: pod('a', 11, 'y') });
    expect([found('x'), found('y').sort()]).toEqual([[], ['a', 'b']]);
    replica.observe({ type: 'DELETED', object: pod('b', 12) });
    expect(found('y')).toEqual(['a']);
    expect(replica.list('shop').length).toBe(1);
    expect(replica.list('other')).toEqual([]);
  });

  test('tells each change with the object before and after', () => {
    const replica = replicaOf(10, pod('a', 5));
    expect(replica.put(pod('a', 5))).toEqual([]);
    expect(replica.put(pod('a', 11))).toEqual([{ before: pod('a', 5), after: pod('a', 11) }]);
    expect(replica.observe({ type: 'MODIFIED', object: pod('a', 11) })).toEqual([]);
  });
});
