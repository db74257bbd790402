import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { KubeObject, Reflector } from '../../src/kube/port.ts';
import { createReflector, type ReflectorEvent, type ReflectorOptions } from '../../src/kube/reflector.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { isAppError } from '../../src/lib/errors.ts';
import { eventually } from '../support/eventually.ts';
import {
  answer,
  type ScriptedServer,
  type SeenRequest,
  startScriptedServer,
  statusBody,
} from './scripted-api-server.ts';

let server: ScriptedServer;
let stop: AbortController;
let events: ReflectorEvent[];

beforeEach(async () => {
  server = await startScriptedServer();
  stop = new AbortController();
  events = [];
});
afterEach(async () => {
  stop.abort();
  await server.close();
});

/** Waits are a hundredth as long, so that back-off needs no patience. */
const impatient: Clock = { ...systemClock, sleep: (delayMs, signal) => systemClock.sleep(delayMs / 100, signal) };

function reflect(options: Partial<ReflectorOptions<KubeObject>> = {}): Reflector<KubeObject> {
  const kube = createKube({ kubeconfigPath: server.kubeconfigPath, timeoutMs: 1_000 });
  const reflector = createReflector<KubeObject>(kube, kinds.pod, {
    clock: impatient,
    random: () => 0,
    log: (event) => events.push(event),
    ...options,
  });
  reflector.start(stop.signal);
  return reflector;
}

const pod = (name: string, resourceVersion: number, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', resourceVersion: String(resourceVersion), labels },
});
const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
const bookmark = (version: number): string =>
  line('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: `${version}` } });
const expired = line('ERROR', statusBody(410, 'Expired', 'too old resource version'));

interface Script {
  /** Answers of the lists, the last one again and again. */
  readonly lists: readonly { readonly version: number; readonly pods: readonly KubeObject[] }[];
  /** What each watch does, in order; later ones stay open and silent. */
  readonly watches: readonly ((response: ServerResponse, request: SeenRequest) => void)[];
}

function serve({ lists, watches }: Script): { readonly watched: SeenRequest[]; listed(): number } {
  const watched: SeenRequest[] = [];
  let listed = 0;
  server.respond((request, response) => {
    if (request.query.get('watch') === null) {
      const page = lists[Math.min(listed, lists.length - 1)];
      listed += 1;
      answer(response, 200, { metadata: { resourceVersion: String(page?.version) }, items: page?.pods });
      return;
    }
    watched.push(request);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    watches[watched.length - 1]?.(response, request);
  });
  return { watched, listed: () => listed };
}

const names = (reflector: Reflector<KubeObject>): string[] => reflector.list().map(({ metadata }) => metadata.name);
const codes = (): string[] =>
  events.flatMap((event) => (event.type === 'failed' && isAppError(event.error) ? [event.error.code] : []));
const seenNames = (reflector: Reflector<KubeObject>, ...wanted: string[]) =>
  eventually(
    `the copy holds ${wanted.join(', ') || 'nothing'}`,
    () => names(reflector).sort().join() === wanted.sort().join(),
    { lastSeen: () => ({ names: names(reflector), events }) },
  );

describe('a reflector', () => {
  test('lists, then follows the watch from the version of the list', async () => {
    const script = serve({
      lists: [{ version: 10, pods: [pod('a', 3), pod('b', 4)] }],
      watches: [
        (response) =>
          response.write(line('ADDED', pod('c', 11)) + line('MODIFIED', pod('a', 12)) + line('DELETED', pod('b', 13))),
      ],
    });
    const reflector = reflect();
    const changes: string[] = [];
    reflector.onChange(({ before, after }) =>
      changes.push(`${before?.metadata.resourceVersion ?? '-'} → ${after?.metadata.resourceVersion ?? '-'}`),
    );
    await reflector.synced();
    await seenNames(reflector, 'a', 'c');
    expect(reflector.get('shop', 'a')?.metadata.resourceVersion).toBe('12');
    expect(changes).toEqual(['- → 3', '- → 4', '- → 11', '3 → 12', '4 → -']);
    expect(script.watched[0]?.query.get('resourceVersion')).toBe('10');
    expect(script.watched[0]?.query.get('allowWatchBookmarks')).toBe('true');
    expect(Number(script.watched[0]?.query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
    expect(reflector.isFresh()).toBe(true);
  });

  test('understands events however the stream is cut, characters included', async () => {
    const bytes = Buffer.from(line('ADDED', pod('a', 11, { note: 'Grüße 🚦' })) + line('ADDED', pod('b', 12)));
    const script = serve({
      lists: [{ version: 10, pods: [] }],
      watches: [
        async (response) => {
          for (const byte of bytes) {
            await new Promise((resolve) => response.write(Buffer.from([byte]), resolve));
          }
        },
      ],
    });
    const reflector = reflect();
    await seenNames(reflector, 'a', 'b');
    expect(reflector.get('shop', 'a')?.metadata.labels).toEqual({ note: 'Grüße 🚦' });
    expect(script.watched.length).toBe(1);
  });

  test('opens a dropped watch again from the last version, bookmarks included, without a new list', async () => {
    const script = serve({
      lists: [{ version: 10, pods: [pod('a', 3)] }],
      watches: [
        (response) => response.write(line('ADDED', pod('b', 11)) + bookmark(20), () => response.destroy()),
        (response) => response.end(bookmark(25)),
        (response) => response.write(line('ADDED', pod('c', 30))),
      ],
    });
    const reflector = reflect();
    await seenNames(reflector, 'a', 'b', 'c');
    expect(script.watched.map(({ query }) => query.get('resourceVersion'))).toEqual(['10', '20', '25']);
    expect(script.listed()).toBe(1);
  });

  test.each([
    ['as an event', (response: ServerResponse) => response.write(expired)],
    ['as a status', (response: ServerResponse) => response.destroy()],
  ])('lists anew when its version has expired %s, and forgets what is gone', async (how, expire) => {
    const script = serve({
      lists: [
        { version: 10, pods: [pod('a', 3), pod('b', 4)] },
        { version: 50, pods: [pod('b', 40), pod('c', 45)] },
      ],
      watches: [expire],
    });
    if (how === 'as a status') refuseFirstWatch(410, statusBody(410, 'Expired', 'too old'), script.watched);
    const reflector = reflect();
    await seenNames(reflector, 'b', 'c');
    expect(codes()).toContain('RESOURCE_VERSION_EXPIRED');
    await eventually('a watch from the new list', () =>
      script.watched.some(({ query }) => query.get('resourceVersion') === '50'),
    );
  });

  test.each([
    ['garbage', 'this is no JSON\n'],
    ['JSON that is no event', '{"hello":"world"}\n'],
    ['half an event', line('ADDED', pod('x', 11)).slice(0, 20)],
  ])('does not trust a stream after %s and asks for the events again', async (_what, text) => {
    const script = serve({
      lists: [{ version: 10, pods: [] }],
      watches: [(response) => response.end(text), (response) => response.write(line('ADDED', pod('x', 11)))],
    });
    const reflector = reflect();
    await seenNames(reflector, 'x');
    expect(script.watched.map(({ query }) => query.get('resourceVersion'))).toEqual(['10', '10']);
    expect(codes()).toEqual(['MALFORMED_WATCH']);
  });

  test('gives up on a stream that says nothing', async () => {
    const script = serve({
      lists: [{ version: 10, pods: [] }],
      watches: [() => {}, (response) => response.write(line('ADDED', pod('x', 11)))],
    });
    const reflector = reflect({ inactivityMs: 100 });
    await seenNames(reflector, 'x');
    expect(codes()[0]).toBe('WATCH_INACTIVE');
    expect(script.watched.length).toBeGreaterThanOrEqual(2);
  });

  test('gives up on a server that accepts a watch and never answers it', async () => {
    let watches = 0;
    server.respond(({ query }, response) => {
      if (query.get('watch') === null) answer(response, 200, { metadata: { resourceVersion: '10' }, items: [] });
      else if (watches++ > 0) response.writeHead(200).write(line('ADDED', pod('x', 11)));
    });
    const reflector = reflect();
    await seenNames(reflector, 'x');
    expect(codes()).toEqual(['TIMEOUT']);
  });

  test('backs off more and more from a stream that ends at once, and lists anew after some tries', async () => {
    const end = (response: ServerResponse) => response.end();
    const script = serve({ lists: [{ version: 10, pods: [] }], watches: Array.from({ length: 8 }, () => end) });
    reflect();
    await eventually('eight watches', () => script.watched.length > 8, { lastSeen: () => events });
    const waits = events.flatMap((event) => (event.type === 'failed' ? [event.retryInMs] : []));
    expect(waits.slice(0, 5)).toEqual([100, 200, 400, 800, 1600]);
    expect(new Set(codes())).toEqual(new Set(['WATCH_TOO_SHORT']));
    expect(script.listed()).toBe(2);
  });

  test('waits as long as the server asks for', async () => {
    let lists = 0;
    server.respond(({ query }, response) => {
      if (query.get('watch') !== null) response.writeHead(200).flushHeaders();
      else if (lists++ === 0)
        answer(response, 429, statusBody(429, 'TooManyRequests', 'later'), { 'retry-after': '7' });
      else answer(response, 200, { metadata: { resourceVersion: '10' }, items: [pod('a', 1)] });
    });
    const reflector = reflect();
    await reflector.synced();
    expect(events[0]).toMatchObject({ type: 'failed', retryInMs: 7000 });
  });

  test('is not synced and not fresh before the first list, and says why', async () => {
    server.respond((_, response) => answer(response, 403, statusBody(403, 'Forbidden', 'no')));
    const reflector = reflect();
    await eventually('a failure', () => codes().includes('FORBIDDEN'));
    expect(reflector.isFresh()).toBe(false);
    const impatience = new AbortController();
    const synced = reflector.synced(impatience.signal);
    impatience.abort(new Error('no patience'));
    await expect(synced).rejects.toThrow('no patience');
  });

  test('turns stale when the watch stays broken, and fresh again when it is back', async () => {
    let isDown = false;
    server.respond(({ query }, response) => {
      if (isDown) answer(response, 503, statusBody(503, 'ServiceUnavailable', 'etcd'));
      else if (query.get('watch') !== null) response.writeHead(200).flushHeaders();
      else answer(response, 200, { metadata: { resourceVersion: '10' }, items: [] });
    });
    const reflector = reflect({ stalenessMs: 50 });
    await eventually('a fresh copy', () => reflector.isFresh());
    isDown = true;
    server.cut();
    await eventually('a stale copy', () => !reflector.isFresh());
    isDown = false;
    await eventually('a fresh copy again', () => reflector.isFresh(), { lastSeen: () => events });
  });

  test('makes own writes visible at once and never lets a late answer bring a deleted object back', async () => {
    let tell = (_text: string): void => {};
    const script = serve({
      lists: [{ version: 10, pods: [] }],
      watches: [
        (response) => {
          tell = (text) => response.write(text);
        },
      ],
    });
    const reflector = reflect();
    await reflector.synced();
    reflector.put(pod('mine', 15));
    expect(names(reflector)).toEqual(['mine']);
    await eventually('the watch', () => script.watched.length > 0);
    tell(line('ADDED', pod('mine', 15)) + line('DELETED', pod('mine', 18)));
    await seenNames(reflector);
    reflector.put(pod('mine', 16));
    expect(names(reflector)).toEqual([]);
    reflector.put(pod('mine', 21));
    expect(names(reflector)).toEqual(['mine']);
  });

  test('selects by namespace and label', async () => {
    const script = serve({ lists: [{ version: 10, pods: [] }], watches: [] });
    await reflect({ namespace: 'shop', labelSelector: 'app=checkout' }).synced();
    await eventually('a watch', () => script.watched.length > 0);
    expect(script.watched[0]?.path).toBe('/api/v1/namespaces/shop/pods');
    expect(script.watched[0]?.query.get('labelSelector')).toBe('app=checkout');
  });

  test('stops for good when asked to', async () => {
    const script = serve({ lists: [{ version: 10, pods: [] }], watches: [] });
    const reflector = reflect();
    await eventually('a watch', () => script.watched.length === 1);
    const closed = new Promise<void>((resolve) => server.onceDisconnected(resolve));
    stop.abort();
    await closed;
    expect(reflector.isFresh()).toBe(true);
    expect(codes()).toEqual([]);
    expect(script.watched.length).toBe(1);
  });
});

/** Lets the first watch be answered with an error status instead of a stream. */
function refuseFirstWatch(status: number, body: object, watched: SeenRequest[]): void {
  let isRefused = false;
  server.wrap((request, response, next) => {
    if (request.query.get('watch') === null || isRefused) next();
    else {
      isRefused = true;
      watched.push(request);
      answer(response, status, body);
    }
  });
}
