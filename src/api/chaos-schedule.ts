import { z } from 'zod';
import { parseDuration } from '../lib/duration.ts';
import { runSchema } from './experiment-run.ts';
import { duration, isDurationCel } from './fields.ts';
import { metadataSchema } from './metadata.ts';
import { type Parsed, parseAs } from './parse.ts';
import { withRule } from './rule.ts';
import { textMap } from './text-map.ts';
import { timeZone, windowFields, withWindowRules } from './window.ts';

/** A run is named `<schedule>-<tick>`, and the name of an experiment has at most 50 characters. */
const MAX_NAME = 40;

const NICKNAMES = /^@(hourly|daily|midnight|weekly|monthly|yearly|annually)$/;
const CRON = new RegExp(
  `^${[
    field('[0-5]?[0-9]', '[1-5]?[0-9]'),
    field('(2[0-3]|[01]?[0-9])', '(2[0-3]|1?[0-9])'),
    field('(3[01]|[12][0-9]|0?[1-9])', '(3[01]|[12]?[0-9])'),
    field('(1[0-2]|0?[1-9]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)', '(1[0-2]|[0-9])'),
    field('([0-7]|SUN|MON|TUE|WED|THU|FRI|SAT)', '[0-7]'),
  ].join(' +')}$`,
);
const EVERY = '@every ';
const MIN_EVERY = '1m';
const MAX_EVERY = '8760h';

/** One field of a cron expression: a list of `*`, values and ranges, of which the wide ones may have a step. */
function field(value: string, step: string): string {
  const part = `([*]([/]${step})?|${value}(-${value}([/]${step})?)?)`;
  return `${part}(,${part})*`;
}

const ZERO_STEP = /[/]0/;

const formedSchedule = withRule(z.string().min(1).max(128), {
  cel: `self == '' || self.startsWith('${EVERY}') || self.matches('${NICKNAMES.source}') || (self.matches('${CRON.source}') && !self.matches('${ZERO_STEP.source}'))`,
  holds: (text) =>
    text === '' || text.startsWith(EVERY) || NICKNAMES.test(text) || (CRON.test(text) && !ZERO_STEP.test(text)),
  message:
    'must be five cron fields (minute, hour, day of month, month, day of week) such as "0 10 * * MON-FRI" with names in upper case, a nickname such as @hourly, or "@every 6h"',
});

const everyCel = `self.substring(${EVERY.length})`;

const RANGE = /[0-9]+-[0-9]+/;

const risingSchedule = withRule(formedSchedule, {
  cel: `self.startsWith('@') || self.findAll('${RANGE.source}').all(range, int(range.split('-')[0]) <= int(range.split('-')[1]))`,
  holds: (text) =>
    text.startsWith('@') || [...text.matchAll(new RegExp(RANGE, 'g'))].every(([range]) => isRising(range)),
  message:
    'has a range that begins after its end: write two, such as "0 22-23,0-2 * * *" for the hours around midnight',
});

function isRising(range: string): boolean {
  const [from, to] = range.split('-').map(Number);
  return (from ?? 0) <= (to ?? 0);
}

const scheduleSchema = withRule(risingSchedule, {
  cel: `!self.startsWith('${EVERY}') || (${isDurationCel(everyCel)} && duration(${everyCel}) >= duration('${MIN_EVERY}') && duration(${everyCel}) <= duration('${MAX_EVERY}'))`,
  holds: (text) => !text.startsWith(EVERY) || isPeriod(text.slice(EVERY.length)),
  message: `must be a duration of ${MIN_EVERY} to ${MAX_EVERY} behind @every, in whole numbers with units, such as "@every 6h" or "@every 1h30m"`,
});

function isPeriod(text: string): boolean {
  const ms = parseDuration(text) ?? Number.NaN;
  return ms >= (parseDuration(MIN_EVERY) ?? 0) && ms <= (parseDuration(MAX_EVERY) ?? 0);
}

const annotations = (what: string) =>
  withRule(textMap(20, 1024), {
    cel: "self.all(key, !key.contains('sluice.dev/'))",
    holds: (map) => Object.keys(map).every((key) => !key.includes('sluice.dev/')),
    message: 'must have no keys of sluice.dev/, which Sluice writes itself: remove them',
  })
    .describe(`${what} of the experiments. At most 20.`)
    .exactOptional();

const templateSchema = z
  .strictObject({
    metadata: z
      .strictObject({ labels: annotations('Labels'), annotations: annotations('Annotations') })
      .describe('What the experiments get besides their names.')
      .exactOptional(),
    spec: runSchema,
  })
  .describe('The experiment that is created at each tick. An edit takes effect with the next one.');

/** `spec` of a ChaosSchedule. */
export const chaosScheduleSpecSchema = z
  .strictObject({
    schedule: scheduleSchema.describe(
      'When an experiment begins: five cron fields such as `0 10 * * MON-FRI`; a nickname such as `@hourly`; or `@every 6h`, counted from when the schedule was created.',
    ),
    timeZone: timeZone(
      'IANA name of the time zone of schedule and windows, such as `Europe/Berlin`. Where clocks go forward, a time that does not exist runs once, at the shift; where they go back, one that exists twice runs once.',
    ),
    jitter: duration('0s', '1h')
      .describe('Each experiment begins up to so much later, at random but the same for every replica: 0s to 1h.')
      .default('0s'),
    concurrencyPolicy: z
      .enum(['Forbid', 'Allow', 'Replace'])
      .describe(
        'What happens at a tick while the experiment of an earlier one is not finished. Forbid lets the tick wait until it is, where the next tick takes its place and startingDeadlineSeconds ends the wait; Allow creates another one, which waits while the first holds the target; Replace stops the first.',
      )
      .default('Forbid'),
    startingDeadlineSeconds: z
      .int()
      .min(10)
      .max(604_800)
      .describe(
        'How late an experiment may begin, after an outage for instance, in seconds: 10 to 604800. Default: any time until the next tick. Of several ticks that were missed only the last one is made up for.',
      )
      .exactOptional(),
    suspend: z
      .boolean()
      .describe('No experiment begins while true. The ticks of that time are left out. Running ones go on.')
      .default(false),
    historyLimits: z
      .strictObject({
        passed: z.int().min(0).max(100).describe('How many that passed are kept: 0 to 100.').default(3),
        failed: z.int().min(0).max(100).describe('How many of all others are kept: 0 to 100.').default(5),
      })
      .describe('How many finished experiments are kept; older ones are deleted.')
      .prefault({}),
    windows: z
      .array(withWindowRules(z.strictObject(windowFields)))
      .min(1)
      .max(10)
      .describe('A tick counts only within one of these windows. 1 to 10. Default: always.')
      .exactOptional(),
    template: templateSchema,
  })
  .describe('Which experiment runs when.');

const text = (meaning: string) => z.string().describe(meaning);
const time = (meaning: string) => z.string().meta({ format: 'date-time' }).describe(meaning);

/** `status` of a ChaosSchedule: written by the controller only. Every field may be absent. */
export const chaosScheduleStatusSchema = z
  .object({
    observedGeneration: z.int().describe('Generation of the spec that this status is about.').exactOptional(),
    message: text('What it waits for, or what is wrong with it, in one sentence.').exactOptional(),
    lastTick: time('The newest tick that is dealt with, whether or not an experiment began.').exactOptional(),
    nextTick: time('The next tick; absent where none is to come.').exactOptional(),
    lastRun: text('Name of the experiment that was created last.').exactOptional(),
    active: z
      .array(z.string())
      .meta({ 'x-kubernetes-list-type': 'set' })
      .describe('Names of its experiments that are not finished.')
      .exactOptional(),
    missed: z
      .int()
      .min(0)
      .describe('Ticks that got no experiment and never will, since the schedule was created.')
      .exactOptional(),
    conditions: z
      .array(
        z.object({
          type: text('Ready: whether the schedule can be followed.'),
          status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
          reason: text('Reason in CamelCase.'),
          message: text('One sentence for people.'),
          lastTransitionTime: time('When `status` last changed.'),
          observedGeneration: z.int().describe('Generation of the spec that this is about.').exactOptional(),
        }),
      )
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
      .describe('Standard conditions; `kubectl wait --for=condition=Ready` works.')
      .exactOptional(),
  })
  .describe('Written by the controller.');

/** A whole ChaosSchedule as the API server gives it. */
export const chaosScheduleSchema = withRule(
  z.strictObject({
    apiVersion: z.literal('sluice.dev/v1alpha1'),
    kind: z.literal('ChaosSchedule'),
    metadata: metadataSchema,
    spec: chaosScheduleSpecSchema,
    status: chaosScheduleStatusSchema.exactOptional(),
  }),
  {
    cel: `self.metadata.name.size() <= ${MAX_NAME}`,
    holds: ({ metadata }) => metadata.name.length <= MAX_NAME,
    message: `metadata.name must have at most ${MAX_NAME} characters, because its experiments are named after it: choose a shorter name`,
  },
).describe(
  'A ChaosSchedule creates a ChaosExperiment at each tick of a clock. Of all ticks that were missed at most the last is made up for.',
);

/** A ChaosSchedule with defaults filled in. */
export type ChaosSchedule = z.output<typeof chaosScheduleSchema>;
/** What the controller says about it. */
export type ChaosScheduleStatus = z.output<typeof chaosScheduleStatusSchema>;

/** Checks a ChaosSchedule as {@link parseAs} says. Whether its cron expression ever holds, only its ticks can tell. */
export function parseChaosSchedule(object: unknown): Parsed<ChaosSchedule> {
  return parseAs(chaosScheduleSchema, object);
}
