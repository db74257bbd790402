import { z } from 'zod';
import { uniqueList } from './fields.ts';
import { withRule } from './rule.ts';

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const FROM = /^([01][0-9]|2[0-3]):[0-5][0-9]$/;
const TO = /^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/;
const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const ZONE = /^[A-Z][A-Za-z0-9_+-]*([/][A-Za-z0-9_+-]+)*$/;

const time = (pattern: RegExp, meaning: string) =>
  withRule(z.string().max(5), {
    cel: `self.matches('${pattern.source}')`,
    holds: (text) => pattern.test(text),
    message: 'must be a time of day of two digits each, in quotes, such as "09:00"',
  })
    .describe(meaning)
    .exactOptional();

const date = (meaning: string) =>
  withRule(z.string().max(10), {
    // CEL's timestamp() fails on a day that no calendar has; the API server then refuses with the rule's message.
    cel: `self.matches('${DATE.source}') && timestamp(self + 'T00:00:00Z').getFullYear() >= 0`,
    holds: (text) => DATE.test(text) && isDay(text),
    message: 'must be a day of the calendar, in quotes, such as "2026-12-24"',
  }).describe(meaning);

const datesSchema = withRule(
  z.strictObject({
    from: date('The first day.'),
    to: date('The last day, which belongs to the window.'),
  }),
  {
    cel: 'self.from <= self.to',
    holds: ({ from, to }) => from <= to,
    field: 'to',
    message: 'must not be before from: exchange the two days',
  },
);

/** Fields of a window of time; what is left out does not restrict. */
export const windowFields = {
  days: uniqueList(z.enum(DAYS), 7).describe('Days of the week: Mon to Sun. Default: every day.').exactOptional(),
  from: time(FROM, 'When the window opens on each day, such as "09:00". Default: "00:00".'),
  to: time(
    TO,
    'When the window closes, such as "17:00", which does not belong to it. Default: "24:00". Before `from` the window goes over midnight, and each of its parts counts as the day that it is on.',
  ),
  dates: datesSchema.describe('Only from one day to another. Default: always.').exactOptional(),
} as const;

type Window = z.output<z.ZodObject<typeof windowFields>>;

/** A window that restricts something, and that is open at some time. */
export function withWindowRules<S extends z.ZodType<Window>>(schema: S): S {
  const restricting = withRule<z.ZodType<Window>>(schema, {
    cel: 'has(self.days) || has(self.from) || has(self.to) || has(self.dates)',
    holds: ({ days, from, to, dates }) =>
      days !== undefined || from !== undefined || to !== undefined || dates !== undefined,
    message: 'restricts nothing: add days, from, to or dates, or remove it',
  });
  return withRule(restricting, {
    cel: '!has(self.from) || !has(self.to) || self.from != self.to',
    holds: ({ from, to }) => from === undefined || from !== to,
    field: 'to',
    message: 'must not be the same as from: leave both out for the whole day',
  }) as S;
}

/** An IANA time zone; the API server and Node each ask their own database. */
export function timeZone(meaning: string): z.ZodDefault<z.ZodString> {
  return withRule(z.string().max(64), {
    // getHours() fails on a zone that is not known; the API server then refuses with the rule's message.
    cel: `self.matches('${ZONE.source}') && self != 'Local' && timestamp('2026-01-01T00:00:00Z').getHours(self) >= 0`,
    holds: (zone) => ZONE.test(zone) && zone !== 'Local' && isZone(zone),
    message: 'must be the IANA name of a time zone, such as Europe/Berlin or UTC',
  })
    .describe(meaning)
    .default('UTC');
}

function isZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`);
  // JavaScript reads February 30 as March 2.
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
