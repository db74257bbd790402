import { z } from 'zod';
import { DURATION_PATTERN, formatDuration, parseDuration } from '../lib/duration.ts';
import { withRule } from './rule.ts';

/** CEL that is true when the expression is a duration that CEL's own `duration()` takes; that function fails on others. */
export function isDurationCel(expression: string): string {
  return `${expression}.matches('${DURATION_PATTERN.source}')`;
}

/** A Go-style duration between two bounds, given in the same notation. */
export function duration(min: string, max: string): z.ZodString {
  const [minMs, maxMs] = [parseDuration(min) ?? Number.NaN, parseDuration(max) ?? Number.NaN];
  const notation = 'must be a duration of whole numbers with units, such as 90s, 2m or 1h30m (units: ms, s, m, h)';
  const noted = withRule(z.string().max(16), {
    cel: isDurationCel('self'),
    holds: (text) => DURATION_PATTERN.test(text),
    message: notation,
  });
  return withRule(noted, {
    cel: `!${isDurationCel('self')} || (duration(self) >= duration('${min}') && duration(self) <= duration('${max}'))`,
    holds: (text) => !DURATION_PATTERN.test(text) || isBetween(parseDuration(text), minMs, maxMs),
    message: `must be between ${formatDuration(minMs)} and ${formatDuration(maxMs)}`,
  });
}

function isBetween(value: number | undefined, min: number, max: number): boolean {
  return value !== undefined && value >= min && value <= max;
}

/** The name of an object in the same namespace whose kind takes DNS labels. */
export function labelName(maxLength: number, whenTooLong: string): z.ZodString {
  const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
  const named = withRule(z.string().min(1).max(253), {
    cel: `self.matches('${label.source}')`,
    holds: (text) => label.test(text),
    message: 'must be a name of lower-case letters, digits and "-" that begins and ends with a letter or digit',
  });
  return withRule(named, {
    cel: `self.size() <= ${maxLength}`,
    holds: (text) => text.length <= maxLength,
    message: whenTooLong,
  });
}

/** The name of an object in the same namespace whose kind takes DNS subdomains. */
export function subdomainName(): z.ZodString {
  const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
  return withRule(z.string().min(1).max(253), {
    cel: `self.matches('${subdomain.source}')`,
    holds: (text) => subdomain.test(text),
    message: 'must be a name of lower-case letters, digits, "-" and "." that begins and ends with a letter or digit',
  });
}

/**
 * A number between two bounds, both included. A rule instead of `minimum` and `maximum`, because the API server cuts fractional bounds
 * to whole ones when the value is whole: with `minimum: 0.01` it takes 0.
 */
export function numberBetween(min: number, max: number, meaning: string): z.ZodNumber {
  // Both CEL and people want 0.00001, not 1e-5; CEL wants the point.
  const written = (bound: number) => bound.toFixed(6).replace(/[.]?0+$/, '');
  const cel = (bound: number) => bound.toFixed(6);
  return withRule(z.number(), {
    cel: `self >= ${cel(min)} && self <= ${cel(max)}`,
    holds: (value) => value >= min && value <= max,
    message: `must be between ${written(min)} and ${written(max)}${meaning}`,
  });
}

/** A share in percent that is neither none nor all. */
export function percentBelow100(meaning: string): z.ZodNumber {
  const below100 = withRule(z.number(), {
    cel: 'self > 0.0 && self < 100.0',
    holds: (percent) => percent > 0 && percent < 100,
    message:
      'must be more than 0 and less than 100 percent: at 100 a single failure in any time breaks it; write for example 99.9',
  });
  return withRule(below100, {
    cel: 'self <= 0.0 || self > 1.0',
    holds: (percent) => percent <= 0 || percent > 1,
    message: 'must be more than 1, because it is in percent: write 99.9, not 0.999',
  }).describe(meaning);
}

/** A list without repetitions. */
export function uniqueList<S extends z.ZodType<string>>(item: S, maxItems: number): z.ZodArray<S> {
  return (
    z
      .array(item)
      .min(1)
      .max(maxItems)
      // The API server sees this by the list's type.
      .superRefine((values, context) => {
        for (const [index, value] of values.entries()) {
          if (values.indexOf(value) === index) continue;
          context.addIssue({ code: 'custom', path: [index], message: 'Duplicate value: remove it' });
        }
      })
      .meta({ 'x-kubernetes-list-type': 'set' })
  );
}

/** A reference to an object by its name alone. */
export function objectRef(meaning: string, nameMeaning: string) {
  return z.strictObject({ name: subdomainName().describe(nameMeaning) }).describe(meaning);
}
