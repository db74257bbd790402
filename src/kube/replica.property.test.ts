import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KubeObject } from './port.ts';
import { createReplica } from './replica.ts';

/** What the server does, and in between what reaches the replica, in any order that a real server allows. */
type Step =
  | { readonly type: 'write' | 'delete'; readonly name: string }
  | { readonly type: 'watch' | 'relist' | 'bookmark' }
  /** The answer to an earlier write arrives, however late. */
  | { readonly type: 'answer'; readonly which: number };

const names = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('write' as const), name: names }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), name: names }) },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constantFrom('watch' as const, 'relist' as const, 'bookmark' as const) }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('answer' as const), which: fc.nat() }) },
);

interface ServerEvent {
  readonly type: 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

function createWorld() {
  // Versions pass 9, 99 and 999, where comparing them as text would go wrong.
  let version = 5;
  const objects = new Map<string, KubeObject>();
  const history: ServerEvent[] = [];
  const answers: KubeObject[] = [];
  const make = (name: string): KubeObject => {
    version += 3;
    return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', resourceVersion: `${version}` } };
  };
  return {
    history,
    answers,
    list: () => ({ items: [...objects.values()], resourceVersion: `${version}` }),
    write(name: string) {
      const object = make(name);
      objects.set(name, object);
      history.push({ type: 'MODIFIED', object });
      answers.push(object);
    },
    lastDeletion: (name: string): number =>
      Math.max(
        0,
        ...history
          .filter(({ type, object }) => type === 'DELETED' && object.metadata.name === name)
          .map(({ object }) => versionOf(object)),
      ),
    delete(name: string) {
      if (objects.delete(name)) history.push({ type: 'DELETED', object: make(name) });
    },
  };
}

const versionOf = (object: KubeObject | undefined): number => Number(object?.metadata.resourceVersion ?? 0);

/** A replica of the world's objects, and how much of the history its watch has told. */
function createFollower(world: ReturnType<typeof createWorld>) {
  const replica = createReplica<KubeObject>({ transform: (object) => object });
  /** Versions below which nothing may be shown any more. */
  const newest = new Map<string, number>();
  let told = 0;

  const tell = (): void => {
    const event = world.history[told];
    if (event === undefined) return;
    told += 1;
    replica.observe(event);
    const { name } = event.object.metadata;
    if (event.type === 'DELETED') newest.set(name, Math.max(newest.get(name) ?? 0, versionOf(event.object)));
  };
  const relist = (): void => {
    replica.replaceAll(world.list());
    told = world.history.length;
  };
  const bookmark = (): void => {
    const metadata = { name: '', resourceVersion: replica.version() ?? '' };
    replica.observe({ type: 'BOOKMARK', object: { apiVersion: 'v1', kind: 'Pod', metadata } });
  };
  const answer = (which: number): void => {
    const object = world.answers[which % Math.max(1, world.answers.length)];
    if (object !== undefined) replica.put(object);
  };

  relist();
  return {
    replica,
    take(step: Step): void {
      if (step.type === 'watch') tell();
      else if (step.type === 'relist') relist();
      else if (step.type === 'bookmark') bookmark();
      else if (step.type === 'answer') answer(step.which);
      else if (step.type === 'write' || step.type === 'delete') world[step.type](step.name);
    },
    check(): void {
      for (const object of replica.list()) {
        const { name } = object.metadata;
        expect(versionOf(object)).toBeGreaterThanOrEqual(newest.get(name) ?? 0);
        newest.set(name, versionOf(object));
      }
      for (const [name, version] of newest) {
        if (replica.get('shop', name) === undefined) expect(world.lastDeletion(name)).toBeGreaterThanOrEqual(version);
      }
    },
    catchUp(): void {
      while (told < world.history.length) tell();
      for (const object of world.answers) replica.put(object);
    },
  };
}

test('a replica never goes back in time, never brings back what was deleted, and ends where the server is', () => {
  const sorted = (all: readonly KubeObject[]) =>
    all.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const world = createWorld();
      const follower = createFollower(world);
      for (const one of steps) {
        follower.take(one);
        follower.check();
      }
      follower.catchUp();
      expect(sorted(follower.replica.list())).toEqual(sorted(world.list().items));
    }),
    { numRuns: 1_000 },
  );
});
