import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseDocument, stringify } from 'yaml';
import { ARMING_FILE, renderArming } from '../../../src/routing/faults/arming.ts';
import type { FaultPlan } from '../../../src/routing/faults/port.ts';
import { doseOf, isForeign, renderFault } from '../../../src/routing/faults/render.ts';
import { SAMPLE_FAULT } from '../../support/sample-fault.ts';

/** What a golden file may give; what it wants is rewritten with UPDATE_GOLDEN=1. */
interface Given extends Partial<Omit<FaultPlan, 'fault'>>, Pick<FaultPlan, 'fault'> {
  readonly dosePpm?: number;
  /** Numbers of the fuses that own it. */
  readonly fuses?: readonly number[];
}

const isUpdate = process.env['UPDATE_GOLDEN'] === '1';
const directory = join(import.meta.dirname, 'envoy-filters');
const files = readdirSync(directory);

describe('golden EnvoyFilters', () => {
  test('every file in the folder is a case', () => {
    expect(files.filter((file) => !file.endsWith('.yaml'))).toEqual([]);
    expect(files.length).toBeGreaterThan(15);
  });

  test.each(files.filter((file) => file.endsWith('.yaml')))('%s', (file) => {
    const path = join(directory, file);
    const document = parseDocument(readFileSync(path, 'utf8'));
    const { given, want } = document.toJS() as { given: Given; want?: unknown };
    const { dosePpm = 100_000 } = given;
    const fault = render(given, dosePpm);
    const got = JSON.parse(JSON.stringify(fault));
    expect(doseOf(got)).toBe(dosePpm);
    expect(isForeign(got)).toBe(false);
    if (isUpdate) {
      document.set('want', got);
      writeFileSync(path, document.toString({ lineWidth: 120 }));
      return;
    }
    expect(got).toEqual(want);
  });
});

test('the manifest of the installation arms what faults need', () => {
  const path = join(import.meta.dirname, '../../..', ARMING_FILE);
  const rendered = JSON.parse(JSON.stringify(renderArming()));
  if (isUpdate) writeFileSync(path, `${ARMING_HEAD}${stringify(rendered, { lineWidth: 140 })}`);
  expect(parse(readFileSync(path, 'utf8'))).toEqual(rendered);
});

const ARMING_HEAD = `# Filters that faults by rate limit and spreads of delays need in every sidecar, without effect until an experiment configures them.
# Inserting or removing a filter drains the proxies' connections: requests longer than the drain time (45 s by default) are cut. Apply and
# delete it at a quiet hour, and never while an experiment runs. Generated from src/routing/faults/arming.ts.
`;

function render({ dosePpm: _, fuses = [1], ...given }: Given, dosePpm: number) {
  const plan: FaultPlan = { ...SAMPLE_FAULT, ...given };
  const readings = fuses.map((number) => {
    const expiresAt = Date.UTC(2026, 0, 1, 0, number);
    return { number, uid: `uid-${number}`, expiresAt, isOwner: false };
  });
  return renderFault(plan, dosePpm, readings);
}
