import { z } from 'zod';
import { subdomainName } from './fields.ts';
import { metadataSchema } from './metadata.ts';
import { type Parsed, parseAs } from './parse.ts';
import { exactlyOneOf, withRule } from './rule.ts';

const SECRET_KEY = /^[-._a-zA-Z0-9]+$/;
const HEADER_NAME = /^[-_a-zA-Z0-9]+$/;
/** Printable ASCII, no spaces at the ends: what every proxy passes on. */
const HEADER_VALUE = /^[!-~]([ -~]*[!-~])?$/;
const ADDRESS = /^https?:[/][/][^/?# \t\r\n]+([/][^?# \t\r\n]*)?$/;
const CREDENTIALS = /^[a-zA-Z]+:[/][/][^/?#]*@/;
const API_PATH = /[/]api[/]v1([/]|$)/;
const OWN_HEADERS = /^(authorization|x-scope-orgid|host|connection|content-length|content-type|transfer-encoding)$/;

const matches = (pattern: RegExp) => `self.matches(r'${pattern.source}')`;

const wellFormedAddress = withRule(z.string().min(1).max(1024), {
  cel: `${matches(ADDRESS)} || ${matches(CREDENTIALS)}`,
  holds: (text) => ADDRESS.test(text) || CREDENTIALS.test(text),
  message:
    'must be an address such as https://mimir.monitoring:8080/prometheus: http or https, a host, and no query or fragment',
});

const addressWithoutUser = withRule(wellFormedAddress, {
  cel: `!${matches(CREDENTIALS)}`,
  holds: (text) => !CREDENTIALS.test(text),
  message: 'must not contain a user or password: put the password into a Secret and name it in auth.basic',
});

const address = withRule(addressWithoutUser, {
  cel: `!${matches(ADDRESS)} || ${matches(CREDENTIALS)} || !${matches(API_PATH)}`,
  holds: (text) => !ADDRESS.test(text) || CREDENTIALS.test(text) || !API_PATH.test(text),
  message: 'must end before /api/v1, which Sluice adds itself: remove that part',
});

function headerValue(maxLength: number): z.ZodString {
  return withRule(z.string().min(1).max(maxLength), {
    cel: matches(HEADER_VALUE),
    holds: (text) => HEADER_VALUE.test(text),
    message: 'must be printable ASCII without spaces at its ends, as in a header of HTTP',
  });
}

const headersSchema = withRule(
  withRule(z.record(z.string(), headerValue(1024)).meta({ maxProperties: 16 }), {
    cel: `self.all(name, name.size() <= 64 && name.matches('${HEADER_NAME.source}'))`,
    holds: (headers) => Object.keys(headers).every((name) => name.length <= 64 && HEADER_NAME.test(name)),
    message: 'must have names of letters, digits, "-" and "_", at most 64 of them, such as X-Team',
  }),
  {
    cel: `!self.exists(name, name.lowerAscii().matches('${OWN_HEADERS.source}'))`,
    holds: (headers) => !Object.keys(headers).some((name) => OWN_HEADERS.test(name.toLowerCase())),
    message:
      'must not set Authorization (use auth), X-Scope-OrgID (use tenant), or what belongs to the connection itself, such as Host: remove it',
  },
).superRefine((headers, context) => {
  if (Object.keys(headers).length > 16) context.addIssue({ code: 'custom', message: 'must have at most 16 items' });
});

function secretKeyRef(meaning: string) {
  return z
    .strictObject({
      name: subdomainName().describe("Name of the Secret, in the MetricsSource's namespace."),
      key: withRule(z.string().min(1).max(253), {
        cel: matches(SECRET_KEY),
        holds: (text) => SECRET_KEY.test(text),
        message: 'must be a key of a Secret: letters, digits, "-", "_" and "."',
      }).describe('Key below `data` of the Secret.'),
    })
    .describe(meaning);
}

const authSchema = withRule(
  z.strictObject({
    bearerToken: z
      .strictObject({ secretKeyRef: secretKeyRef('Where the token stands.') })
      .describe('Send `Authorization: Bearer` with a token.')
      .exactOptional(),
    basic: z
      .strictObject({
        username: withRule(headerValue(256), {
          cel: "!self.contains(':')",
          holds: (text) => !text.includes(':'),
          message: 'must not contain ":", which separates user and password',
        }).describe('The user.'),
        passwordSecretKeyRef: secretKeyRef('Where the password stands.'),
      })
      .describe('Send `Authorization: Basic` with user and password.')
      .exactOptional(),
  }),
  exactlyOneOf(['bearerToken', 'basic'], 'keep or add one; the source takes one `Authorization` only'),
).describe('How Sluice says who it is. Exactly one block. Absent: not at all.');

const tlsFields = z.strictObject({
  caSecretKeyRef: secretKeyRef(
    'Where the certificates of the authorities stand, as PEM. Default: those of the system.',
  ).exactOptional(),
  certSecretKeyRef: secretKeyRef("Where Sluice's own certificate stands, as PEM, for mutual TLS.").exactOptional(),
  keySecretKeyRef: secretKeyRef('Where the key of that certificate stands, as PEM.').exactOptional(),
  serverName: subdomainName()
    .describe("The name that the source's certificate must have. Default: the host of `address`.")
    .exactOptional(),
  insecureSkipVerify: z
    .boolean()
    .describe("Advanced. Takes any certificate, so that anybody on the way can answer in the source's name.")
    .exactOptional(),
});

const pairedTls = withRule(tlsFields, {
  cel: 'has(self.certSecretKeyRef) == has(self.keySecretKeyRef)',
  holds: ({ certSecretKeyRef, keySecretKeyRef }) =>
    (certSecretKeyRef === undefined) === (keySecretKeyRef === undefined),
  message: 'needs certSecretKeyRef and keySecretKeyRef together: add the other, or remove both',
});

const tlsSchema = withRule(pairedTls, {
  cel: '!has(self.insecureSkipVerify) || !self.insecureSkipVerify || !(has(self.caSecretKeyRef) || has(self.serverName))',
  holds: ({ insecureSkipVerify = false, caSecretKeyRef, serverName }) =>
    !insecureSkipVerify || (caSecretKeyRef === undefined && serverName === undefined),
  field: 'insecureSkipVerify',
  message: 'checks nothing, so caSecretKeyRef and serverName have no effect: remove it, or remove those',
}).describe('How the connection is secured, for an address with https.');

/** `spec` of a MetricsSource. */
export const metricsSourceSpecSchema = withRule(
  z.strictObject({
    address: address.describe(
      'Where the source answers the query API of Prometheus (also Thanos, Mimir, VictoriaMetrics): the part before `/api/v1`, such as `https://mimir.monitoring:8080/prometheus`. No user, password or query.',
    ),
    tenant: headerValue(256)
      .describe('The tenant, sent as `X-Scope-OrgID`: for sources that serve several.')
      .exactOptional(),
    headers: headersSchema
      .describe(
        'Headers that are sent with each query; at most 16. Everybody who may read this object sees them: nothing secret.',
      )
      .exactOptional(),
    auth: authSchema.exactOptional(),
    tls: tlsSchema.exactOptional(),
  }),
  {
    cel: "!has(self.tls) || !self.address.startsWith('http:')",
    holds: ({ address, tls }) => tls === undefined || !address.startsWith('http:'),
    field: 'tls',
    message: 'has no effect on an address with http: write https in spec.address, or remove tls',
  },
).describe('Where metrics are read, and how. An edit takes effect at once.');

/** A whole MetricsSource as the API server gives it. */
export const metricsSourceSchema = z
  .strictObject({
    apiVersion: z.literal('sluice.dev/v1alpha1'),
    kind: z.literal('MetricsSource'),
    metadata: metadataSchema,
    spec: metricsSourceSpecSchema,
  })
  .describe(
    'A MetricsSource is a Prometheus, or what answers like one, that Rollouts of its namespace read by `sourceRef` instead of the one that the controller was given.',
  );

/** A MetricsSource with defaults filled in. */
export type MetricsSource = z.output<typeof metricsSourceSchema>;

/** Checks a MetricsSource as {@link parseAs} says. */
export function parseMetricsSource(object: unknown): Parsed<MetricsSource> {
  return parseAs(metricsSourceSchema, object);
}
