import { type MetricsSource, parseMetricsSource } from '../api/metrics-source.ts';
import { kinds } from '../kube/kinds.ts';
import type { Kube, KubeObject } from '../kube/port.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import type { SourceRef } from '../metrics/port.ts';
import type { Connection, MetricsClient, TlsSettings } from '../metrics/provider.ts';
import type { OpenedSource, OpenSource } from '../metrics/reopening.ts';

export interface SourceOpenerOptions {
  readonly kube: Pick<Kube, 'get'>;
  /** Makes a client; throws ConfigError METRICS_BAD_OPTION for settings that cannot work. */
  readonly connect: (connection: Connection) => MetricsClient;
}

interface Secret extends KubeObject {
  /** In base64. */
  readonly data?: Readonly<Record<string, string>>;
}

interface Known extends OpenedSource {
  readonly connection: string;
}

/**
 * Reads a MetricsSource and the Secrets that it names, from the server each time: they are few, and no copy of Secrets is held. The same
 * client is given until something has changed. Throws ConfigError METRICS_SOURCE_NOT_FOUND, METRICS_SOURCE_INVALID or
 * METRICS_SECRET_NOT_FOUND naming field and cure, and what the API server makes of it.
 */
export function createSourceOpener({ kube, connect }: SourceOpenerOptions): OpenSource {
  const known = new Map<string, Known>();
  return async (ref) => {
    const spec = await specOf(kube, ref);
    const connection = await connectionOf(kube, ref, spec);
    const key = `${ref.namespace}/${ref.name}`;
    const text = JSON.stringify(connection);
    const before = known.get(key);
    if (before?.connection === text) return before;
    const place = JSON.stringify([spec.address, spec.tenant, spec.headers]);
    const opened: Known = { client: connected(connect, connection, ref), place, connection: text };
    known.set(key, opened);
    return opened;
  };
}

type Spec = MetricsSource['spec'];
type KeyRef = { readonly name: string; readonly key: string };

async function specOf(kube: Pick<Kube, 'get'>, ref: SourceRef): Promise<Spec> {
  const object = await kube.get({ kind: kinds.metricsSource, ...ref });
  if (object === undefined) {
    throw refusal('METRICS_SOURCE_NOT_FOUND', ref, 'it does not exist: create it, or correct sourceRef.name');
  }
  const parsed = parseMetricsSource(object);
  if (!parsed.ok)
    throw refusal(
      'METRICS_SOURCE_INVALID',
      ref,
      parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; '),
    );
  return parsed.value.spec;
}

async function connectionOf(kube: Pick<Kube, 'get'>, ref: SourceRef, spec: Spec): Promise<Connection> {
  const secret = (keyRef: KeyRef, field: string) => secretValue(kube, { ref, keyRef, field });
  const { auth = {}, tenant } = spec;
  const headers = { ...spec.headers, ...(tenant !== undefined && { 'X-Scope-OrgID': tenant }) };
  const { bearerToken, basic } = auth;
  return {
    url: spec.address,
    headers,
    ...(bearerToken !== undefined && {
      bearer: await secret(bearerToken.secretKeyRef, 'auth.bearerToken.secretKeyRef'),
    }),
    ...(basic !== undefined && {
      basic: {
        username: basic.username,
        // Files that Secrets are made of commonly end in a newline.
        password: (await secret(basic.passwordSecretKeyRef, 'auth.basic.passwordSecretKeyRef')).replace(/\r?\n$/, ''),
      },
    }),
    ...(spec.tls !== undefined && { tls: await tlsOf(spec.tls, secret) }),
  };
}

async function tlsOf(
  tls: NonNullable<Spec['tls']>,
  secret: (keyRef: KeyRef, field: string) => Promise<string>,
): Promise<TlsSettings> {
  const { caSecretKeyRef, certSecretKeyRef, keySecretKeyRef, serverName, insecureSkipVerify } = tls;
  return {
    ...(caSecretKeyRef !== undefined && { ca: await secret(caSecretKeyRef, 'tls.caSecretKeyRef') }),
    ...(certSecretKeyRef !== undefined && { cert: await secret(certSecretKeyRef, 'tls.certSecretKeyRef') }),
    ...(keySecretKeyRef !== undefined && { key: await secret(keySecretKeyRef, 'tls.keySecretKeyRef') }),
    ...(serverName !== undefined && { serverName }),
    ...(insecureSkipVerify !== undefined && { insecureSkipVerify }),
  };
}

interface SecretQuestion {
  readonly ref: SourceRef;
  readonly keyRef: KeyRef;
  readonly field: string;
}

async function secretValue(kube: Pick<Kube, 'get'>, { ref, keyRef, field }: SecretQuestion): Promise<string> {
  const { name, key } = keyRef;
  const secret = await kube.get<Secret>({ kind: kinds.secret, namespace: ref.namespace, name });
  if (secret === undefined) {
    const cure = `create it in namespace ${ref.namespace}, or correct the field`;
    throw refusal('METRICS_SECRET_NOT_FOUND', ref, `spec.${field}: there is no Secret ${name}: ${cure}`);
  }
  const value = secret.data?.[key];
  if (value === undefined || value === '') {
    const cure = 'add it, or correct the field';
    throw refusal('METRICS_SECRET_NOT_FOUND', ref, `spec.${field}: Secret ${name} has nothing at key ${key}: ${cure}`);
  }
  return Buffer.from(value, 'base64').toString('utf8');
}

function connected(connect: SourceOpenerOptions['connect'], connection: Connection, ref: SourceRef): MetricsClient {
  try {
    return connect(connection);
  } catch (error) {
    if (!isAppError(error, 'ConfigError')) throw error;
    // The client's names of the fields are much like those of the spec; the values, which may be secret, are in neither.
    throw refusal('METRICS_SOURCE_INVALID', ref, String(error.details['reason'] ?? error.message));
  }
}

function refusal(code: string, { namespace, name }: SourceRef, reason: string): AppError {
  const message = `MetricsSource ${name} in ${namespace}: ${reason}`;
  return new AppError('ConfigError', code, message, { details: { reason } });
}
