import { z } from 'zod';

const MAX_KEY = 317;

/** A map of text to text with at most so many entries; the API server counts the cost of a rule by that number. */
export function textMap(maxEntries: number, maxLength: number): z.ZodRecord<z.ZodString, z.ZodString> {
  return z
    .record(z.string().max(MAX_KEY), z.string().max(maxLength))
    .superRefine((map, context) => {
      if (Object.keys(map).length <= maxEntries) return;
      context.addIssue({ code: 'custom', message: `must have at most ${maxEntries} items` });
    })
    .meta({ maxProperties: maxEntries });
}
