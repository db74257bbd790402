import { z } from 'zod';
import { DURATION_PATTERN, formatDuration, parseDuration } from '../lib/duration.ts';
import { withRule } from './rule.ts';

/** A Go-style duration between two bounds, given in the same notation. */
export function duration(min: string, max: string): z.ZodString {
  const [minMs, maxMs] = [parseDuration(min) ?? Number.NaN, parseDuration(max) ?? Number.NaN];
  const pattern = DURATION_PATTERN.source;
  const notation = 'must be a duration of whole numbers with units, such as 90s, 2m or 1h30m (units: ms, s, m, h)';
  const noted = withRule(z.string().max(16), {
    cel: `self.matches('${pattern}')`,
    holds: (text) => DURATION_PATTERN.test(text),
    message: notation,
  });
  return withRule(noted, {
    cel: `!self.matches('${pattern}') || (duration(self) >= duration('${min}') && duration(self) <= duration('${max}'))`,
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
