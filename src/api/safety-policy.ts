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
    .describe(`${meaning}, in percent: 0.01 to 100. Experiments that would exceed it wait.`)
    .default(5);

const vetoSchema = z.strictObject({
  name: name('Name of the veto, unique; those who find their experiments denied read it.'),
  query: withRule(z.string().min(1).max(2048), {
    cel: `self == '' || (self.matches('[^ \\t\\n\\r]') && !self.contains('{{'))`,
    holds: (query) => query === '' || (/[^ \t\n\r]/.test(query) && !query.includes('{{')),
    message:
      'must be a PromQL query without templates that returns nothing while all is well, such as `ALERTS{alertstate="firing",severity="page"}`',
  }).describe(
    'PromQL that returns nothing while all is well, such as `ALERTS{alertstate="firing",severity="page"}`. Anything that it returns, and an answer that cannot be had, ends all experiments and admits none. At most 2048 characters.',
  ),
  sourceRef: z
    .strictObject({
      namespace: name('Its namespace.'),
      name: subdomainName().describe('Name of the MetricsSource.'),
    })
    .describe("The MetricsSource that is asked. Default: the controller's own.")
    .exactOptional(),
});

/** `spec` of the SafetyPolicy. */
export const safetyPolicySpecSchema = z
  .strictObject({
    halt: z
      .boolean()
      .describe(
        'Ends every experiment at once and admits none while true. Written by `sluice halt`. Taking it back starts nothing by itself.',
      )
      .default(false),
    freeze: z
      .boolean()
      .describe(
        'Starts no release while true; those under way go on. Written by `sluice freeze`. Taking it back starts the newest one that waits.',
      )
      .default(false),
    reason: z
      .string()
      .max(512)
      .describe('Why, for those who find their experiments denied. At most 512 characters.')
      .exactOptional(),
    limits: z
      .strictObject({
        serviceRequestShare: share('Share of the requests to one service that experiments may touch together'),
        totalRequestShare: share('Share of all requests that experiments may touch together'),
      })
      .describe('What all experiments together must not exceed.')
      .prefault({}),
    protectedNamespaces: uniqueList(labelName(63, 'must have at most 63 characters'), 100)
      .describe('Namespaces in which no experiment runs, neither on callers nor on targets. 1 to 100, none twice.')
      .exactOptional(),
    freezeWindows: namedOnce(
      z
        .array(
          withWindowRules(
            z.strictObject({
              name: name('Name of the window, unique; those whose releases wait read it.'),
              timeZone: timeZone('IANA name of the time zone of the window, such as `Europe/Berlin`.'),
              ...windowFields,
            }),
          ),
        )
        .min(1)
        .max(50),
    )
      .describe('Times in which it is as if `freeze` were true, and no experiment begins. 1 to 50, names unique.')
      .exactOptional(),
    vetoes: namedOnce(z.array(vetoSchema).min(1).max(20))
      .describe('Queries that must return nothing for experiments to begin and to go on. 1 to 20, names unique.')
      .exactOptional(),
  })
  .describe('What holds for every experiment of the cluster.');

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
).describe('The SafetyPolicy named default is the lever that stops all experiments, and says where none may run.');

/** The SafetyPolicy with defaults filled in. */
export type SafetyPolicy = z.output<typeof safetyPolicySchema>;

/** Checks a SafetyPolicy as {@link parseAs} says. */
export function parseSafetyPolicy(object: unknown): Parsed<SafetyPolicy> {
  return parseAs(safetyPolicySchema, object);
}
