import { X509Certificate } from 'node:crypto';
import { Agent } from 'node:https';
import { createSecureContext } from 'node:tls';
import { AppError } from '../../lib/errors.ts';
import type { Connection, TlsSettings } from '../provider.ts';

/** A connection whose settings were checked. */
export interface CheckedConnection {
  /** How messages name the source. */
  readonly name: string;
  /** Without slash at its end. */
  readonly endpoint: string;
  /** With our credentials. */
  readonly headers: Readonly<Record<string, string>>;
  /** For https with settings of its own. */
  readonly agent: Agent | undefined;
}

/** Checks all settings here, because later errors would quote them. Throws ConfigError METRICS_BAD_OPTION naming the field. */
export function checkConnection(connection: Connection): CheckedConnection {
  const url = checkUrl(connection.url);
  return {
    name: `Prometheus at ${url.host}`,
    endpoint: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
    headers: { ...checkHeaders(connection.headers ?? {}), ...authorization(connection) },
    agent: connection.tls === undefined ? undefined : secured(connection.tls, url),
  };
}

function checkUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw badOption('url', 'must be an http or https address such as http://prometheus.monitoring:9090');
  }
  if (url.username !== '' || url.password !== '') {
    throw badOption('url', 'must not hold a user or password: give them as basic');
  }
  return url;
}

/** A value that Node would refuse is found here, because its error would quote the value. */
function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw badOption('headers', `has a name that is no header name`);
    if (!isHeaderValue(value)) throw badOption(`headers.${name}`, 'has a character that a header cannot hold');
  }
  return headers;
}

function authorization({ bearer, basic }: Connection): Record<string, string> {
  if (bearer !== undefined && basic !== undefined) throw badOption('bearer', 'cannot be given together with basic');
  if (bearer !== undefined) {
    // Mounted Secrets commonly end in a newline.
    const token = bearer.trim();
    if (token === '' || !isHeaderValue(token)) throw badOption('bearer', 'must be a token without line breaks');
    return { authorization: `Bearer ${token}` };
  }
  if (basic === undefined) return {};
  if (basic.username.includes(':')) throw badOption('basic.username', 'must not contain a colon');
  // The driver's own `auth` is dropped without a word when the password is empty.
  const pair = Buffer.from(`${basic.username}:${basic.password}`, 'utf8').toString('base64');
  return { authorization: `Basic ${pair}` };
}

/** An agent for just this source: its certificates and open connections must not serve another one. */
function secured({ ca, cert, key, serverName, insecureSkipVerify = false }: TlsSettings, url: URL): Agent {
  if (url.protocol !== 'https:') throw badOption('tls', 'has no effect on an address with http: write https');
  if ((cert === undefined) !== (key === undefined)) throw badOption('tls', 'needs cert and key together');
  // Node takes what is no certificate for an empty list of authorities and then trusts nobody, or those of the system.
  if (ca !== undefined) readable('tls.ca', 'certificates', () => new X509Certificate(ca));
  if (cert !== undefined) readable('tls.cert', 'a certificate', () => new X509Certificate(cert));
  if (cert !== undefined && key !== undefined) {
    readable('tls.key', 'the key of tls.cert', () => createSecureContext({ cert, key }));
  }
  return new Agent({
    keepAlive: true,
    rejectUnauthorized: !insecureSkipVerify,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
  });
}

function readable(field: string, what: string, read: () => unknown): void {
  try {
    read();
  } catch {
    // The reason may quote the key.
    throw badOption(field, `must be ${what} as PEM`);
  }
}

function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

function badOption(field: string, what: string): AppError {
  const reason = `${field} ${what}`;
  return new AppError('ConfigError', 'METRICS_BAD_OPTION', `metrics source: ${reason}`, { details: { field, reason } });
}
