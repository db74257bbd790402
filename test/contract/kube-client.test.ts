import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kube } from '../../src/kube/port.ts';
import { AppError } from '../../src/lib/errors.ts';
import { answer, type ScriptedServer, startScriptedServer, statusBody, TOKEN } from './scripted-api-server.ts';

let server: ScriptedServer;
let kube: Kube;

beforeAll(async () => {
  server = await startScriptedServer();
  kube = createKube({ kubeconfigPath: server.kubeconfigPath, timeoutMs: 300 });
});
afterAll(() => server.close());

const pod = { kind: kinds.pod, namespace: 'shop', name: 'checkout-1' };
const object = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'checkout-1', namespace: 'shop', resourceVersion: '7', managedFields: [{ manager: 'x' }] },
};
const write = { fieldManager: 'sluice' };

async function failureOf(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error(`expected an AppError, got ${String(error)}`);
  return error;
}

describe('requests', () => {
  test('carry the credentials and the user agent, and share one TLS connection', async () => {
    server.respond((_, response) => answer(response, 200, object));
    const before = server.connections();
    for (let count = 0; count < 20; count += 1) await kube.get(pod);
    const last = server.requests.at(-1);
    expect(last?.path).toBe('/api/v1/namespaces/shop/pods/checkout-1');
    expect(last?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(last?.headers['user-agent']).toBe('sluice');
    expect(server.connections() - before).toBe(1);
  });

  test('a missing object is undefined, a kind that is not served is not', async () => {
    server.respond((_, response) => answer(response, 404, statusBody(404, 'NotFound', 'pods "checkout-1" not found')));
    expect(await kube.get(pod)).toBeUndefined();
    server.respond((_, response) => answer(response, 404, '404 page not found'));
    expect((await failureOf(kube.get(pod))).code).toBe('KIND_NOT_SERVED');
  });

  test('a list is read page by page and its items know their kind', async () => {
    server.respond(({ query }, response) => {
      const page = query.get('continue') === null ? 0 : 1;
      const metadata = page === 0 ? { resourceVersion: '10', continue: 'next' } : { resourceVersion: '10' };
      answer(response, 200, { metadata, items: [{ metadata: { name: `pod-${page}`, resourceVersion: '3' } }] });
    });
    const { items, resourceVersion } = await kube.list(kinds.pod, { labelSelector: 'app=checkout' });
    expect(items.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['Pod pod-0', 'Pod pod-1']);
    expect(resourceVersion).toBe('10');
    expect(server.requests.at(-1)?.query.get('labelSelector')).toBe('app=checkout');
    expect(server.requests.at(-1)?.query.get('limit')).toBe('500');
  });

  test('a list whose continue token expired is read anew in one piece', async () => {
    server.respond(({ query }, response) => {
      if (query.get('continue') !== null) answer(response, 410, statusBody(410, 'Expired', 'token too old'));
      else if (query.get('limit') === null) {
        answer(response, 200, { metadata: { resourceVersion: '12' }, items: [{ metadata: { name: 'whole' } }] });
      } else answer(response, 200, { metadata: { resourceVersion: '10', continue: 'old' }, items: [] });
    });
    expect((await kube.list(kinds.pod)).items.map(({ metadata }) => metadata.name)).toEqual(['whole']);
  });

  test('each kind of write has its method, content type and parameters', async () => {
    server.respond((_, response) => answer(response, 200, object));
    const seen = async (work: Promise<unknown>) => {
      await work;
      const { method, path, query, headers, body } = server.requests.at(-1) ?? {};
      return { line: `${method} ${path}?${query}`, type: headers?.['content-type'], body: JSON.parse(body ?? '') };
    };
    expect(await seen(kube.create(kinds.pod, object, write))).toMatchObject({
      line: 'POST /api/v1/namespaces/shop/pods?fieldManager=sluice&fieldValidation=Strict',
      type: 'application/json',
    });
    const applied = await seen(kube.apply(kinds.pod, object, { ...write, force: true, subresource: 'status' }));
    expect(applied).toMatchObject({
      line: 'PATCH /api/v1/namespaces/shop/pods/checkout-1/status?fieldManager=sluice&force=true&fieldValidation=Strict',
      type: 'application/apply-patch+yaml',
    });
    expect(applied.body.metadata).toEqual({ name: 'checkout-1', namespace: 'shop', resourceVersion: '7' });
    expect(await seen(kube.replace(kinds.pod, object, write))).toMatchObject({
      line: 'PUT /api/v1/namespaces/shop/pods/checkout-1?fieldManager=sluice',
      body: object,
    });
    const operations = [{ op: 'test', path: '/spec', value: 1 }] as const;
    expect(await seen(kube.jsonPatch(pod, operations, write))).toMatchObject({
      type: 'application/json-patch+json',
      body: operations,
    });
    expect(await seen(kube.mergePatch(pod, { spec: null }, write))).toMatchObject({
      type: 'application/merge-patch+json',
      body: { spec: null },
    });
    const removed = await seen(kube.delete(pod, { uid: 'u1', resourceVersion: '7', propagation: 'Foreground' }));
    expect(removed.body).toMatchObject({
      propagationPolicy: 'Foreground',
      preconditions: { uid: 'u1', resourceVersion: '7' },
    });
  });

  test('deleting what is not there succeeds', async () => {
    server.respond((_, response) => answer(response, 404, statusBody(404, 'NotFound', 'no such pod')));
    await expect(kube.delete(pod)).resolves.toBeUndefined();
  });

  test('a namespaced object without a namespace never reaches the server', async () => {
    const before = server.requests.length;
    const homeless = { ...object, metadata: { name: 'x' } };
    expect((await failureOf(kube.create(kinds.pod, homeless, write))).code).toBe('NAMESPACE_MISSING');
    expect(server.requests.length).toBe(before);
  });

  test('a read on a kept connection that the server has closed is sent once more', async () => {
    server.respond((_, response) => answer(response, 200, object));
    await kube.get(pod);
    let isFirst = true;
    server.respond((_, response) => {
      if (isFirst) response.destroy();
      else answer(response, 200, object);
      isFirst = false;
    });
    expect(await kube.get(pod)).toBeDefined();
  });

  test('a refused token is read again once before it is an error', async () => {
    let refusals = 0;
    server.respond((_, response) => {
      refusals += 1;
      if (refusals === 1) answer(response, 401, statusBody(401, 'Unauthorized', 'Unauthorized'));
      else answer(response, 200, object);
    });
    expect(await kube.get(pod)).toBeDefined();
    server.respond((_, response) => answer(response, 401, statusBody(401, 'Unauthorized', 'Unauthorized')));
    expect(await failureOf(kube.get(pod))).toMatchObject({ class: 'ConfigError', code: 'UNAUTHORIZED' });
  });
});

describe('errors', () => {
  const fieldConflict = {
    causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "kubectl" using v1', field: '.spec.paused' }],
  };
  const namespaceGoes = { causes: [{ reason: 'NamespaceTerminating', message: 'namespace shop is being terminated' }] };
  const rejected = 'the server rejected our request due to an error in our request';
  const create = () => kube.create(kinds.pod, object, write);
  const apply = () => kube.apply(kinds.pod, object, write);
  const patch = () => kube.jsonPatch(pod, [{ op: 'remove', path: '/spec' }], write);
  const list = () => kube.list(kinds.pod);

  test.each<[string, () => Promise<unknown>, ReturnType<typeof statusBody>, string]>([
    ['an existing object', create, statusBody(409, 'AlreadyExists', 'exists', {}), 'ConflictError ALREADY_EXISTS'],
    ['a newer object', apply, statusBody(409, 'Conflict', 'modified', {}), 'ConflictError RESOURCE_VERSION_CONFLICT'],
    [
      'another object of the name',
      create,
      statusBody(409, 'Conflict', 'Precondition failed: UID in precondition: x', {}),
      'ConflictError UID_CONFLICT',
    ],
    [
      'a field of another manager',
      apply,
      statusBody(409, 'Conflict', 'conflict', fieldConflict),
      'ConflictError FIELD_CONFLICT',
    ],
    ['an invalid object', create, statusBody(422, 'Invalid', 'spec.x: Required', {}), 'ConfigError INVALID'],
    ['an unknown field', create, statusBody(400, 'BadRequest', 'unknown field "spec.y"', {}), 'ConfigError INVALID'],
    ['a patch that does not fit', patch, statusBody(422, 'Invalid', rejected), 'ConflictError PATCH_TEST_FAILED'],
    ['a patch to an invalid object', patch, statusBody(422, 'Invalid', 'spec.x: Required', {}), 'ConfigError INVALID'],
    ['a verb without permission', list, statusBody(403, 'Forbidden', 'no', {}), 'ConfigError FORBIDDEN'],
    [
      'a namespace that goes',
      create,
      statusBody(403, 'Forbidden', 'no', namespaceGoes),
      'NotReadyError NAMESPACE_TERMINATING',
    ],
    ['a write to nothing', patch, statusBody(404, 'NotFound', 'not found', {}), 'NotReadyError NOT_FOUND'],
    ['a list of an unknown kind', list, statusBody(404, 'NotFound', 'no', {}), 'NotReadyError KIND_NOT_SERVED'],
    [
      'too many requests',
      list,
      statusBody(429, 'TooManyRequests', 'slow down', {}),
      'TransientError TOO_MANY_REQUESTS',
    ],
    ['a server in trouble', list, statusBody(503, 'ServiceUnavailable', 'etcd', {}), 'TransientError SERVER_ERROR'],
  ])('%s is told apart', async (_name, work, status, expected) => {
    server.respond((_, response) => answer(response, status.code, status));
    const error = await failureOf(work());
    expect(`${error.class} ${error.code}`).toBe(expected);
    expect(`${error.message} ${JSON.stringify(error.details)}`).not.toContain(TOKEN);
  });

  test('a field conflict names the fields and who holds them', async () => {
    server.respond((_, response) => answer(response, 409, statusBody(409, 'Conflict', 'conflict', fieldConflict)));
    expect((await failureOf(apply())).details.conflicts).toEqual([{ field: '.spec.paused', manager: 'kubectl' }]);
  });

  test('an invalid object is told in the words of the server', async () => {
    const cause = { causes: [{ reason: 'FieldValueRequired', field: 'spec.containers' }] };
    server.respond((_, response) =>
      answer(response, 422, statusBody(422, 'Invalid', 'spec.containers: Required', cause)),
    );
    const error = await failureOf(create());
    expect(error.message).toContain('spec.containers: Required');
    expect(error.details.fields).toEqual(['spec.containers']);
  });

  test('a missing permission names the verb and the resource', async () => {
    server.respond((_, response) => answer(response, 403, statusBody(403, 'Forbidden', 'forbidden')));
    const ref = { kind: kinds.virtualService, namespace: 'shop', name: 'x' };
    const error = await failureOf(kube.jsonPatch(ref, [], write));
    expect(error.message).toContain('grant "patch" on "virtualservices.networking.istio.io"');
  });

  test('retry-after is honoured, from the header and from the status', async () => {
    server.respond((_, response) => answer(response, 429, 'slow down', { 'retry-after': '3' }));
    expect((await failureOf(list())).retryAfterMs).toBe(3000);
    const details = { retryAfterSeconds: 2 };
    server.respond((_, response) => answer(response, 500, statusBody(500, 'ServerTimeout', 'later', details)));
    expect((await failureOf(list())).retryAfterMs).toBe(2000);
  });

  test('no answer, half an answer and no JSON are transient', async () => {
    server.respond(() => {});
    expect(await failureOf(list())).toMatchObject({ class: 'TransientError', code: 'TIMEOUT' });
    server.respond((_, response) => {
      response.writeHead(200);
      response.write('{"metadata": ');
    });
    expect(await failureOf(list())).toMatchObject({ class: 'TransientError', code: 'TIMEOUT' });
    server.respond((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"metadata": ', () => response.destroy());
    });
    expect(await failureOf(list())).toMatchObject({ class: 'TransientError', code: 'API_UNREACHABLE' });
    server.respond((_, response) => answer(response, 200, '<html>a login page</html>'));
    expect(await failureOf(list())).toMatchObject({ class: 'TransientError', code: 'MALFORMED_ANSWER' });
  });

  test('a write that lost its connection is not sent twice', async () => {
    server.respond((_, response) => answer(response, 200, object));
    await kube.get(pod);
    let writes = 0;
    server.respond((_, response) => {
      writes += 1;
      response.destroy();
    });
    expect(await failureOf(create())).toMatchObject({ class: 'TransientError', code: 'API_UNREACHABLE' });
    expect(writes).toBe(1);
  });

  test('a server that is not there is transient', async () => {
    const gone = await startScriptedServer();
    const client = createKube({ kubeconfigPath: gone.kubeconfigPath, context: 'scripted' });
    await gone.close();
    expect(await failureOf(client.list(kinds.pod))).toMatchObject({ class: 'TransientError', code: 'API_UNREACHABLE' });
  });
});

describe('the kubeconfig', () => {
  test('that cannot be read is a ConfigError naming it', async () => {
    const open = async () => createKube({ kubeconfigPath: '/nonexistent/kubeconfig' });
    const error = await failureOf(open());
    expect(error).toMatchObject({ class: 'ConfigError', code: 'KUBECONFIG_INVALID' });
    expect(error.message).toContain('/nonexistent/kubeconfig');
  });

  test('without the context asked for says which ones it has', async () => {
    const open = async () => createKube({ kubeconfigPath: server.kubeconfigPath, context: 'production' });
    expect((await failureOf(open())).message).toContain('no context "production"; it has: scripted');
  });
});
