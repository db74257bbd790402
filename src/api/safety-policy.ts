import { z } from 'zod';
import { labelName, numberBetween, subdomainName, uniqueList } from './fields.ts';
import { metadataSchema } from './metadata.ts';
import { namedOnce } from './named-once.ts';
import { type Parsed, parseAs } from './parse.ts';
import { withRule } from './rule.ts';
import { timeZone, windowFields, withWindowRules } from './window.ts';

const name = (meaning: string) => labelName(63, 'must have at most 63 characters').describe(meaning);

const share = (meaning: string) =>
  numberBetween(0.01, 100, ' percent of the requests')
    .describe(`${meaning}, in percent: 0.01 to 100. Experiments that would exceed it wait; one that does is ended.`)
    .default(5);

const UNTIL = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/;

const vetoSchema = z.strictObject({
  name: name('Name of the veto, unique; those who find their experiments denied read it.'),
  query: withRule(z.string().min(1).max(2048), {
    cel: `self == '' || (self.matches('[^ \\t\\n\\r]') && !self.contains('{{'))`,
    holds: (query) => query === '' || (/[^ \t\n\r]/.test(query) && !query.includes('{{')),
    message:
      'must be a PromQL query without templates that returns nothing while all is well, such as `ALERTS{alertstate="firing",severity="page"}`',
  }).describe(
    'PromQL that returns nothing while all is well, such as `ALERTS{alertstate="firing",severity="page"}`; asked every 15 s while an experiment wants to begin or goes on. Anything that it returns ends all experiments and lets none begin, and so does a source that cannot be read, for running ones after 30 s. At most 2048 characters.',
  ),
  sourceRef: z
    .strictObject({
      namespace: name('Its namespace.'),
      name: subdomainName().describe('Name of the MetricsSource.'),
    })
    .describe("The MetricsSource that is asked. Default: the controller's own.")
    .exactOptional(),
});

const freezeWindowSchema = withWindowRules(
  z.strictObject({
    name: name('Name of the window, unique; those whose releases wait read it.'),
    timeZone: timeZone('IANA name of the time zone of the window, such as `Europe/Berlin`.'),
    ...windowFields,
  }),
);

const specFields = z.strictObject({
  halt: z
    .boolean()
    .describe(
      'Ends every experiment at once and admits none while true. Written by `sluice halt`. Taking it back starts nothing by itself.',
    )
    .default(false),
  freeze: z
    .boolean()
    .describe(
      'No release and no experiment begins while true; those under way go on. Written by `sluice freeze`. Once it is taken back, what waited begins.',
    )
    .default(false),
  freezeUntil: withRule(z.string().max(20), {
    // CEL's timestamp() fails on a time that does not exist; the API server then refuses with the rule's message.
    cel: `self.matches('${UNTIL.source}') && timestamp(self).getFullYear() >= 0`,
    holds: (text) => UNTIL.test(text) && isTime(text),
    message: 'must be a time in UTC, in quotes, such as "2026-12-24T18:00:00Z"',
  })
    .describe('When `freeze` is over by itself, such as "2026-12-24T18:00:00Z". Default: when it is taken back.')
    .exactOptional(),
  reason: z
    .string()
    .max(512)
    .describe('Why it is halted or frozen, for those who wait. At most 512 characters.')
    .exactOptional(),
  limits: z
    .strictObject({
      serviceRequestShare: share(
        'Share of the requests to one service that experiments touch and the canary of a release gets together',
      ),
      totalRequestShare: share('Share of all requests of the mesh that experiments may touch together'),
    })
    .describe(
      'What all experiments together must not exceed, by the requests of the last two minutes. Default: no limit but that of each experiment.',
    )
    .exactOptional(),
  protectedNamespaces: uniqueList(labelName(63, 'must have at most 63 characters'), 100)
    .describe('Namespaces in which no experiment runs, neither on callers nor on targets. 1 to 100, none twice.')
    .exactOptional(),
  freezeWindows: namedOnce(z.array(freezeWindowSchema).min(1).max(50), 'window')
    .describe('Times in which it is as if `freeze` were true. 1 to 50, names unique.')
    .exactOptional(),
  vetoes: namedOnce(z.array(vetoSchema).min(1).max(20), 'veto')
    .describe('Queries that must return nothing for experiments to begin and to go on. 1 to 20, names unique.')
    .exactOptional(),
});

/** `spec` of the SafetyPolicy. */
export const safetyPolicySpecSchema = withRule(specFields, {
  cel: '!has(self.freezeUntil) || self.freeze',
  holds: ({ freeze, freezeUntil }) => freezeUntil === undefined || freeze,
  field: 'freezeUntil',
  message: 'says nothing without freeze: set freeze to true, or remove it',
}).describe('What holds for every experiment of the cluster, and when no release begins.');

/** The SafetyPolicy as the API server gives it. */
export const safetyPolicySchema = withRule(
  z.strictObject({
    apiVersion: z.literal('sluice.dev/v1alpha1'),
    kind: z.literal('SafetyPolicy'),
    metadata: metadataSchema,
    spec: safetyPolicySpecSchema,
  }),
  {
    cel: "self.metadata.name == 'default'",
    holds: ({ metadata }) => metadata.name === 'default',
    message: 'there is one SafetyPolicy, and its metadata.name must be default: rename it',
  },
).describe(
  'The SafetyPolicy named default is the lever that stops all experiments. It says where none may run, how many requests they may touch together, what forbids them, and when neither they nor releases begin.',
);

/** The SafetyPolicy with defaults filled in. */
export type SafetyPolicy = z.output<typeof safetyPolicySchema>;

/** Checks a SafetyPolicy as {@link parseAs} says. */
export function parseSafetyPolicy(object: unknown): Parsed<SafetyPolicy> {
  return parseAs(safetyPolicySchema, object);
}

/** JavaScript reads February 30 as March 2. */
function isTime(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === text.replace('Z', '.000Z');
}
