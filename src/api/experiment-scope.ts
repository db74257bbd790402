import { z } from 'zod';
import { labelName } from './fields.ts';
import { exactlyOneOf, withRule } from './rule.ts';
import { textMap } from './text-map.ts';

const revision = (meaning: string) =>
  z
    .enum(['Stable', 'Canary'])
    .describe(`${meaning} Refused where no release is in progress; the experiment ends with it.`)
    .exactOptional();

/** `target`: which service seems to fail. */
export const targetSchema = z
  .strictObject({
    namespace: labelName(63, 'must have at most 63 characters')
      .describe("Namespace of the Service. Default: the experiment's own.")
      .exactOptional(),
    service: z
      .strictObject({
        name: labelName(63, 'must have at most 63 characters').describe('Name of the Service.'),
        port: withRule(z.int(), {
          cel: 'self >= 1 && self <= 65535',
          holds: (port) => port >= 1 && port <= 65_535,
          message: "must be the number of one of the Service's ports, from 1 to 65535",
        }).describe("Number of the Service's port, which must be an HTTP port."),
      })
      .describe('The Service that the callers ask.'),
    revision: revision(
      'Only requests that the release in progress sends to this version of the target. Not with throttle, shed and circuit. Default: all, whichever version answers.',
    ),
  })
  .describe(
    'What seems to fail: requests to it are touched on their way, by the proxies of the callers. The target itself is left alone.',
  );

const LABEL_KEY =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*[/])?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

const someLabels = withRule(textMap(10, 63), {
  cel: 'self.size() >= 1',
  holds: (labels) => Object.keys(labels).length >= 1,
  message: 'needs 1 to 10 labels: name those of the pods that are to see the fault, or set everyone: true',
});

const matchLabelsSchema = withRule(someLabels, {
  cel: `self.all(key, key.matches('${LABEL_KEY.source}') && self[key].matches('${LABEL_VALUE.source}'))`,
  holds: (labels) => Object.entries(labels).every(([key, value]) => LABEL_KEY.test(key) && LABEL_VALUE.test(value)),
  message:
    'has a key or value that no label can have, such as one with a space: compare with `kubectl get pods --show-labels`',
});

/** `callers`: who sees it. */
export const callersSchema = withRule(
  z.strictObject({
    matchLabels: matchLabelsSchema
      .describe("Labels of the callers' pods, in the experiment's namespace. 1 to 10, all of which a pod must have.")
      .exactOptional(),
    everyone: z.literal(true).describe("Every pod with a sidecar in the experiment's namespace.").exactOptional(),
    revision: revision(
      "Only this version of the callers' own Deployment; users of the other version are the control group. Default: all versions.",
    ),
  }),
  exactlyOneOf(['matchLabels', 'everyone'], 'say who sees the fault, for example `matchLabels: {app: checkout}`'),
).describe('Who sees the fault. Exactly one of matchLabels and everyone.');

const HEADER_NAME = /^:?[a-z0-9!#$%&'*+.^_|~-]+$/;
const COOKIE_NAME = /^[A-Za-z0-9!#$%&'*+.^_|~-]+$/;
// In CEL's text the quote of the pattern itself has to be escaped.
const inCel = ({ source }: RegExp) => `self.matches("${source}")`;

const headerSchema = withRule(
  z.strictObject({
    name: withRule(z.string().min(1).max(128), {
      cel: inCel(HEADER_NAME),
      holds: (name) => name === '' || HEADER_NAME.test(name),
      message: 'must be the name of a header in lower case, such as x-cohort, or :path and :method',
    }).describe('Name of the header, in lower case; `:path` and `:method` are possible too.'),
    exact: z.string().max(512).describe('It has this value.').exactOptional(),
    prefix: z.string().min(1).max(512).describe('Its value begins so.').exactOptional(),
    regex: z.string().min(1).max(512).describe('Its whole value matches this expression (RE2).').exactOptional(),
    present: z.literal(true).describe('It is there, whatever its value.').exactOptional(),
  }),
  exactlyOneOf(['exact', 'prefix', 'regex', 'present'], 'keep or add one, for example `exact: chaos`'),
);

const cookieSchema = z.strictObject({
  name: withRule(z.string().min(1).max(128), {
    cel: inCel(COOKIE_NAME),
    holds: (name) => name === '' || COOKIE_NAME.test(name),
    message: 'must be the name of a cookie, without spaces, = and ;',
  }).describe('Name of the cookie.'),
  exact: withRule(z.string().min(1).max(512), {
    cel: `!self.matches('[; ,"]')`,
    holds: (value) => !/[; ,"]/.test(value),
    message: 'must be the value of one cookie, without spaces, quotes, commas and ;',
  }).describe('It has this value.'),
});

/** `cohort`: which of their requests. */
export const cohortSchema = withRule(
  z.strictObject({
    headers: z
      .array(headerSchema)
      .min(1)
      .max(10)
      .describe('Headers that a request must have, all of them. 1 to 10.')
      .exactOptional(),
    cookies: z
      .array(cookieSchema)
      .min(1)
      .max(10)
      .describe('Cookies that a request must have, all of them. 1 to 10.')
      .exactOptional(),
  }),
  {
    cel: 'has(self.headers) || has(self.cookies)',
    holds: ({ headers, cookies }) => headers !== undefined || cookies !== undefined,
    message: 'needs headers or cookies: add `headers: [{name: x-cohort, exact: chaos}]`, or remove it for all requests',
  },
).describe('Which requests of the callers may be touched. Default: all.');
