import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSourceOpener } from '../../src/effects/metrics-sources.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, KubeObject } from '../../src/kube/port.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { AppError } from '../../src/lib/errors.ts';
import type { MetricsClient } from '../../src/metrics/provider.ts';
import { createPrometheus } from '../../src/metrics/providers/prometheus.ts';
import { createReopening } from '../../src/metrics/reopening.ts';
import { createSources } from '../../src/metrics/sources.ts';
import { type Authority, type Certified, createAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { createFakeKube, type FakeCall, type FakeKube } from '../support/fake-kube.ts';
import { Callers } from '../support/metrics-source.ts';
import { ServedSource, type ServedSourceOptions } from '../support/served-source.ts';

const ref = { namespace: 'shop', name: 'mimir' };
const manager = { fieldManager: 'operator' };
const secret = 'tok3n-that-must-not-leak';
const query = { selector: 'up', windowMs: 60_000 };
const closing: (() => void)[] = [];
let kube: FakeKube;
/** What the API server does before it answers. */
let intercept: (call: FakeCall) => void;
/** How far our clock has been moved on. */
let aheadMs: number;
const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };

beforeEach(() => {
  [aheadMs, intercept] = [0, () => undefined];
  kube = createFakeKube({ intercept: (call) => intercept(call) });
});

afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

async function served(options: ServedSourceOptions = {}): Promise<ServedSource> {
  const source = await ServedSource.start(options);
  closing.push(() => source.stop());
  return source;
}

async function put(kind: Kind, name: string, content: object): Promise<void> {
  const metadata = { name, namespace: ref.namespace };
  await kube.delete({ kind, ...metadata });
  const object = { apiVersion: kind.apiVersion, kind: kind.kind, metadata, ...content } as KubeObject;
  await kube.create(kind, object, manager);
}

const describeSource = (spec: object) => put(kinds.metricsSource, ref.name, { spec });

async function keep(name: string, entries: Readonly<Record<string, string>>): Promise<void> {
  const encoded = Object.entries(entries).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  await put(kinds.secret, name, { data: Object.fromEntries(encoded) });
}

const open = () =>
  createSourceOpener({
    kube,
    connect: (connection) => createPrometheus({ ...connection, now: systemClock.now, timeoutMs: 5000 }),
  });

function reopening(onMoved: () => void = () => undefined): MetricsClient {
  return createReopening({ ref, open: open(), clock, onMoved });
}

async function failureOf(client: MetricsClient): Promise<AppError> {
  const error = await client.samples(query).then(
    () => expect.fail('was answered'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw error;
  expect(JSON.stringify([error.message, error.details, error.stack])).not.toContain(secret);
  return error;
}

describe('a source gets', () => {
  const key = (name: string) => ({ name: 'access', key: name });
  const basic = (user: string, password: string) =>
    `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;

  it.each([
    ['a token', { auth: { bearerToken: { secretKeyRef: key('token') } } }, { authorization: `Bearer ${secret}` }],
    [
      'a user and a password, without the newline at its end',
      { auth: { basic: { username: 'me', passwordSecretKeyRef: key('password') } } },
      { authorization: basic('me', 'pä:ss') },
    ],
    ['a tenant', { tenant: 'team-a' }, { 'x-scope-orgid': 'team-a' }],
    ['headers of its own', { headers: { 'X-Team': 'pay' }, tenant: 'b' }, { 'x-team': 'pay', 'x-scope-orgid': 'b' }],
  ])('%s', async (_, spec, expected) => {
    const source = await served();
    await keep('access', { token: `${secret}\n`, password: 'pä:ss\n' });
    await describeSource({ address: source.url, ...spec });
    await reopening().samples(query);
    expect(source.seen).toEqual([expect.objectContaining(expected)]);
  });
});

describe('over https', () => {
  let authority: Authority;
  let server: Certified;
  const caSecretKeyRef = { name: 'tls', key: 'ca.crt' };

  beforeAll(async () => {
    authority = await createAuthority();
    server = await authority.issue({ type: 'ip', value: '127.0.0.1' });
  });

  beforeEach(async () => {
    await keep('tls', { 'ca.crt': authority.ca });
  });

  it('a source with a private authority is read where that is named, and nowhere else', async () => {
    const source = await served({ tls: server });
    await describeSource({ address: source.url, tls: { caSecretKeyRef } });
    expect((await reopening().samples(query)).series).toEqual([]);
    await describeSource({ address: source.url });
    const error = await failureOf(reopening());
    expect(error).toMatchObject({ class: 'TransientError', code: 'METRICS_UNREACHABLE' });
    expect(error.message).toMatch(/its certificate is not trusted .*: name its authority in tls\.caSecretKeyRef/);
    expect(source.seen).toHaveLength(1);
  });

  it('one of another authority gets nothing from us', async () => {
    const other = await createAuthority('CN=Other CA');
    const source = await served({ tls: await other.issue({ type: 'ip', value: '127.0.0.1' }) });
    await keep('access', { token: secret });
    const auth = { bearerToken: { secretKeyRef: { name: 'access', key: 'token' } } };
    await describeSource({ address: source.url, auth, tls: { caSecretKeyRef } });
    expect((await failureOf(reopening())).message).toContain('its certificate is not trusted');
    expect(source.seen).toEqual([]);
  });

  it('one whose certificate has another name is read where that name is given, and nowhere else', async () => {
    const source = await served({ tls: await authority.issue({ type: 'dns', value: 'mimir.monitoring' }) });
    await describeSource({ address: source.url, tls: { caSecretKeyRef } });
    expect((await failureOf(reopening())).message).toMatch(/certificate is for another name .*tls\.serverName/);
    await describeSource({ address: source.url, tls: { caSecretKeyRef, serverName: 'mimir.monitoring' } });
    await reopening().samples(query);
    expect(source.seen).toHaveLength(1);
  });

  it('one is read without any authority only where that is asked for', async () => {
    const source = await served({ tls: server });
    await describeSource({ address: source.url, tls: { insecureSkipVerify: true } });
    await reopening().samples(query);
    expect(source.seen).toHaveLength(1);
  });

  it('one that asks for our certificate gets it', async () => {
    const source = await served({ tls: { ...server, ca: authority.ca, requestCert: true, rejectUnauthorized: true } });
    const own = await authority.issue({ type: 'dns', value: 'sluice' });
    await keep('own', { 'tls.crt': own.cert, 'tls.key': own.key });
    await describeSource({ address: source.url, tls: { caSecretKeyRef } });
    expect(await failureOf(reopening())).toMatchObject({ class: 'TransientError', code: 'METRICS_UNREACHABLE' });
    const certSecretKeyRef = { name: 'own', key: 'tls.crt' };
    const keySecretKeyRef = { name: 'own', key: 'tls.key' };
    await describeSource({ address: source.url, tls: { caSecretKeyRef, certSecretKeyRef, keySecretKeyRef } });
    await reopening().samples(query);
    expect(source.seen).toHaveLength(1);
  });

  it('a new authority in the Secret is used from the next look on', async () => {
    const next = await createAuthority('CN=Next CA');
    const source = await served({ tls: await next.issue({ type: 'ip', value: '127.0.0.1' }) });
    await describeSource({ address: source.url, tls: { caSecretKeyRef } });
    const client = reopening();
    await failureOf(client);
    await keep('tls', { 'ca.crt': next.ca });
    aheadMs += 10_000;
    await client.samples(query);
    expect(source.seen).toHaveLength(1);
  });
});

describe('what a source is described by is refused, naming field and cure, when', () => {
  const at = (name: string, key: string) => ({ name, key });
  const withToken = { auth: { bearerToken: { secretKeyRef: at('access', 'token') } } };
  const withPassword = { auth: { basic: { username: 'me', passwordSecretKeyRef: at('access', 'password') } } };

  it.each([
    ['the Secret of a token', withToken, 'auth.bearerToken.secretKeyRef'],
    ['the Secret of a password', withPassword, 'auth.basic.passwordSecretKeyRef'],
    ['the Secret of an authority', { tls: { caSecretKeyRef: at('access', 'ca.crt') } }, 'tls.caSecretKeyRef'],
    [
      'the Secret of our certificate',
      { tls: { certSecretKeyRef: at('access', 'tls.crt'), keySecretKeyRef: at('access', 'tls.key') } },
      'tls.certSecretKeyRef',
    ],
  ])('%s, or its key, is missing', async (_, spec, field) => {
    await describeSource({ address: 'https://127.0.0.1:1', ...spec });
    const client = reopening();
    const missing = await failureOf(client);
    expect(missing).toMatchObject({ class: 'ConfigError', code: 'METRICS_SECRET_NOT_FOUND' });
    expect(missing.message).toBe(
      `MetricsSource mimir in shop: spec.${field}: there is no Secret access: create it in namespace shop, or correct the field`,
    );
    await keep('access', { other: secret });
    const without = await failureOf(client);
    expect(without.code).toBe('METRICS_SECRET_NOT_FOUND');
    expect(without.message).toMatch(
      new RegExp(
        `spec\\.${field.replaceAll('.', '\\.')}: Secret access has nothing at key [a-z.]+: add it, or correct`,
      ),
    );
  });

  it('the source does not exist, and works once it does', async () => {
    const source = await served();
    const client = reopening();
    expect(await failureOf(client)).toMatchObject({
      code: 'METRICS_SOURCE_NOT_FOUND',
      message: 'MetricsSource mimir in shop: it does not exist: create it, or correct sourceRef.name',
    });
    await describeSource({ address: source.url });
    await client.samples(query);
    expect(source.seen).toHaveLength(1);
  });

  it.each([
    [
      'an authority is no certificate',
      { tls: { caSecretKeyRef: at('access', 'ca') } },
      /tls\.ca must be certificates as PEM/,
    ],
    ['a token has a line break', withToken, /bearer must be a token without line breaks/],
  ])('%s', async (_, spec, message) => {
    await keep('access', { ca: secret, token: `${secret}\nX-Evil: 1` });
    await describeSource({ address: 'https://127.0.0.1:1', ...spec });
    const error = await failureOf(reopening());
    expect(error).toMatchObject({ class: 'ConfigError', code: 'METRICS_SOURCE_INVALID' });
    expect(error.message).toMatch(message);
  });
});

describe('while a source is read', () => {
  it('a refused token is looked up at once, and one that was changed is used without moving', async () => {
    const source = await served();
    let valid = 'one';
    source.admits = ({ authorization }) => authorization === `Bearer ${valid}`;
    await keep('access', { token: 'one' });
    const auth = { bearerToken: { secretKeyRef: { name: 'access', key: 'token' } } };
    await describeSource({ address: source.url, auth });
    let moves = 0;
    const client = reopening(() => moves++);
    await client.samples(query);
    valid = 'two';
    await keep('access', { token: 'two' });
    // The old token is known for some seconds; the refusal ends that.
    expect(await failureOf(client)).toMatchObject({ code: 'METRICS_UNAUTHORIZED' });
    await client.samples(query);
    expect(source.seen.map(({ authorization }) => authorization)).toEqual(['Bearer one', 'Bearer one', 'Bearer two']);
    expect(moves).toBe(0);
  });

  it('it is looked up at most every 10 s, and once for all who ask at the same time', async () => {
    const source = await served();
    await describeSource({ address: source.url });
    let looks = 0;
    intercept = ({ verb }) => {
      if (verb === 'get') looks++;
    };
    const client = reopening();
    await Promise.all([client.samples(query), client.samples(query), client.samples(query)]);
    await client.samples(query);
    expect(looks).toBe(1);
    aheadMs += 10_000;
    await client.samples(query);
    expect(looks).toBe(2);
  });

  it('an API server that is away changes nothing; a source that is deleted is missed', async () => {
    const source = await served();
    await describeSource({ address: source.url });
    const client = reopening();
    await client.samples(query);
    aheadMs += 10_000;
    intercept = () => {
      throw new AppError('TransientError', 'KUBE_UNREACHABLE', 'the API server is away');
    };
    await client.samples(query);
    expect(source.seen).toHaveLength(2);
    intercept = () => undefined;
    await kube.delete({ kind: kinds.metricsSource, ...ref });
    aheadMs += 10_000;
    expect(await failureOf(client)).toMatchObject({ code: 'METRICS_SOURCE_NOT_FOUND' });
  });

  it('an API server that is away at first is what is told, and asked again', async () => {
    const source = await served();
    await describeSource({ address: source.url });
    intercept = () => {
      throw new AppError('TransientError', 'KUBE_UNREACHABLE', 'the API server is away');
    };
    const client = reopening();
    expect(await failureOf(client)).toMatchObject({ class: 'TransientError', code: 'KUBE_UNREACHABLE' });
    intercept = () => undefined;
    await client.samples(query);
    expect(source.seen).toHaveLength(1);
  });
});

describe('evidence of a named source', () => {
  /** Serves as a source in which one caller sends to both versions, `canary` requests at a time to the new one. */
  async function live(canary: number): Promise<ServedSource> {
    const source = await served();
    const callers = new Callers(source.memory);
    const serve = () => {
      callers.serve('web', 'pay-aa', 9);
      callers.serve('web', 'pay-bb', canary);
      callers.scrape('web', systemClock.now());
    };
    callers.scrape('web', systemClock.now());
    const ticker = setInterval(serve, 50);
    closing.push(() => clearInterval(ticker));
    return source;
  }

  function following() {
    const own: MetricsClient = createPrometheus({ url: 'http://127.0.0.1:1', now: systemClock.now });
    const options = { clock, pollMs: 50, windowMs: 3000, ingestDelayMs: 50, cellMs: 50, staleAfterMs: 30_000 };
    const { sampler, inspector } = createSources({ own, open: open(), sampler: options });
    const abort = new AbortController();
    closing.push(() => abort.abort());
    sampler.start(abort.signal);
    const subject = {
      namespace: 'shop',
      service: 'pay',
      stable: 'aa',
      canary: 'bb',
      since: systemClock.now(),
      source: ref,
    };
    sampler.follow('k', subject);
    return { read: () => sampler.read('k'), sampler, inspector, subject };
  }

  const hasGrown = (read: ReturnType<typeof following>['read'], by = 3) => {
    const { length } = read().batches;
    return eventually('more batches', () => read().batches.length >= length + by, { lastSeen: read });
  };

  it('is down with the reason until the source is described, then fresh', async () => {
    const source = await live(1);
    const { read } = following();
    const isTold = () => read().state === 'down' && read().message.includes('it does not exist: create it');
    await eventually('the reason', isTold, { lastSeen: read });
    await describeSource({ address: source.url });
    await eventually('fresh evidence', () => read().state === 'fresh', { lastSeen: read });
    await hasGrown(read);
  });

  it('goes on without a gap through a change of the token', async () => {
    const source = await live(1);
    let valid = 'one';
    source.admits = ({ authorization }) => authorization === `Bearer ${valid}`;
    await keep('access', { token: 'one' });
    const auth = { bearerToken: { secretKeyRef: { name: 'access', key: 'token' } } };
    await describeSource({ address: source.url, auth });
    const { read } = following();
    await hasGrown(read);
    const before = read().batches;
    valid = 'two';
    await keep('access', { token: 'two' });
    await hasGrown(read, 5);
    expect(read().batches.slice(0, before.length)).toEqual(before);
    expect(read().state).toBe('fresh');
  });

  it('begins anew at another address, so that nothing is counted twice', async () => {
    const [first, second] = [await live(1), await live(5)];
    await describeSource({ address: first.url });
    const { read } = following();
    await hasGrown(read);
    expect(read().batches.some(({ canary }) => canary.requests % 5 !== 0)).toBe(true);
    await describeSource({ address: second.url });
    aheadMs += 10_000;
    await eventually('a request to the second', () => second.seen.length > 0, { lastSeen: read });
    await eventually(
      'evidence of the second only',
      () => read().batches.length >= 3 && read().batches.every(({ canary }) => canary.requests % 5 === 0),
      { lastSeen: read },
    );
    const asked = first.seen.length;
    await hasGrown(read);
    expect(first.seen.length).toBe(asked);
  });

  it('is told by the inspector too when the source is not described', async () => {
    const { inspector, subject } = following();
    const measure = { kind: 'durations', underMs: 250 } as const;
    const { problem } = await inspector.inspect({ ...subject, measure }, clock.now());
    expect(problem?.reason).toBe('SourceUnknown');
    expect(problem?.message).toContain('MetricsSource mimir in shop: it does not exist: create it');
  });
});
