import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { changeBehaviour, PLAIN } from '../../lab/echo/behaviour.ts';
import type { CallerPolicy } from '../../lab/echo/caller.ts';
import { VERDICTS } from '../../src/api/chaos-experiment-status.ts';
import type { RawObject } from '../contract/api/specs.ts';

/** Callers with these manners, and what comes of the experiment with them. */
const outcomeSchema = z.strictObject({
  /** What differs from a caller that calls once, waits 5 s, and passes on what comes. */
  callers: z.record(z.string(), z.unknown()).transform((change) => {
    changeBehaviour(PLAIN, change);
    return change as Partial<CallerPolicy>;
  }),
  verdict: z.enum(VERDICTS),
  /** `status.reason`, where the verdict alone says too little. */
  reason: z.string().exactOptional(),
  /** The objective that is breached. */
  objective: z.string().exactOptional(),
});

/** `expected.yaml`: a shop, and two kinds of callers in it. */
const expectedSchema = z.strictObject({
  shop: z.strictObject({
    /** Requests a second to the callers. */
    rate: z.number().positive(),
    payments: z
      .strictObject({ latencyMs: z.number().exactOptional(), answerBytes: z.number().exactOptional() })
      .exactOptional(),
    /** Part of the requests that have these headers. */
    marked: z.strictObject({ share: z.number(), headers: z.record(z.string(), z.string()) }).exactOptional(),
    /** The callers are a Deployment for each of these zones, with the label `zone`. */
    zones: z.array(z.string()).exactOptional(),
    /** A release of checkout holds at this weight, in percent. */
    canaryWeight: z.number().exactOptional(),
  }),
  well: outcomeSchema,
  badly: outcomeSchema,
});

export type Expected = z.output<typeof expectedSchema>;
export type ExpectedOutcome = Expected['well'];

/** One folder of `experiments/`. */
export interface CatalogueEntry {
  readonly name: string;
  /** As its file says, with no defaults filled in. */
  readonly object: RawObject;
  readonly readme: string;
  readonly expected: Expected;
}

const FOLDER = join(import.meta.dirname, '../../experiments');

/** Every folder of the catalogue, by name; throws when a file is missing or says what nobody knows. */
export function catalogue(): readonly CatalogueEntry[] {
  const folders = readdirSync(FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders
    .map(({ name }) => name)
    .sort()
    .map((name) => {
      const text = (file: string) => readFileSync(join(FOLDER, name, file), 'utf8');
      const expected = expectedSchema.safeParse(parse(text('expected.yaml')));
      if (!expected.success) throw new Error(`experiments/${name}/expected.yaml: ${z.prettifyError(expected.error)}`);
      const object = parse(text('experiment.yaml')) as RawObject;
      return { name, object, readme: text('README.md'), expected: expected.data };
    });
}

const DAY_MS = 86_400_000;
const PARTS = 3;

/** What `wanted` says: `whole`, names with commas between them, or, when nothing, the third whose day it is. Throws on a name that is no folder. */
export function chosen(
  entries: readonly CatalogueEntry[],
  { wanted, nowMs }: { readonly wanted: string | undefined; readonly nowMs: number },
): readonly CatalogueEntry[] {
  if (wanted === 'whole') return entries;
  if (wanted === undefined) return entries.filter((_, index) => index % PARTS === Math.floor(nowMs / DAY_MS) % PARTS);
  return wanted.split(',').map((wantedName) => {
    const entry = entries.find(({ name }) => name === wantedName);
    if (entry === undefined)
      throw new Error(`experiments/${wantedName} is no folder: ${entries.map(({ name }) => name).join(', ')}`);
    return entry;
  });
}

/** The same spec, in two minutes: who waits as long as it is asked to sends few requests. Its fuse is long enough for a machine that is busy. */
export function shortened({ object }: CatalogueEntry): object {
  const { ramp, duration, ...spec } = object.spec as {
    readonly ramp?: readonly { readonly percentage: number }[];
    readonly duration?: string;
  };
  return {
    ...spec,
    ...(ramp !== undefined && {
      ramp: ramp.map(({ percentage }, index) => ({ percentage, for: index === ramp.length - 1 ? '60s' : '15s' })),
    }),
    ...(duration !== undefined && { duration: '30s' }),
    ...{ baseline: '10s', fuse: '60s', startWithin: '3m' },
  };
}
