/** Writes crds/ and docs/spec.md from the schemas in src/api; with --check only says whether they are up to date. --root: another checkout. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { crdOf, customKinds, structuralSchemaOf } from '../src/api/crd.ts';
import { referenceTable } from '../src/api/reference.ts';

interface GeneratedFile {
  readonly path: string;
  readonly content: string;
}

/** Everything that is generated from src/api. */
export function generatedFiles(): readonly GeneratedFile[] {
  return [
    ...customKinds.map((custom) => ({
      path: `crds/sluice.dev_${custom.plural}.yaml`,
      content: crdYaml(crdOf(custom)),
    })),
    { path: 'docs/spec.md', content: specPage() },
  ];
}

function crdYaml(crd: object): string {
  const header = '# Generated from src/api by `npm run generate`; do not edit.\n';
  return header + stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false });
}

function specPage(): string {
  return `<!-- Generated from src/api by \`npm run generate\`; do not edit. -->
# The kinds of \`sluice.dev/v1alpha1\`

One Rollout per service. \`examples/rollout-minimal.yaml\` is the least that works, \`examples/rollout-full.yaml\` has every field but
those of \`adaptive\` and of latency and custom objectives, for which there are examples of their own.
Durations are whole numbers with units, such as \`90s\`, \`2m\` or \`1h30m\` (units ms, s, m, h). Weights and ratios are percent.

${customKinds.map(kindSection).join('\n\n')}
`;
}

function kindSection(custom: (typeof customKinds)[number]): string {
  const { description, properties } = structuralSchemaOf(custom);
  const { spec, status } = properties ?? {};
  if (spec === undefined) throw new TypeError(`the schema of ${custom.kind} lacks spec`);
  const parts = [
    `## ${custom.kind}`,
    `${description}`,
    '### spec: what you write',
    `${spec.description}`,
    referenceTable(spec, 'spec'),
    ...(status === undefined ? [] : ['### status: what the controller writes', referenceTable(status, 'status')]),
  ];
  return parts.join('\n\n');
}

/** Paths of generated files that differ from what is on disk below \`root\`. */
export async function staleFiles(root: string): Promise<readonly string[]> {
  const stale: string[] = [];
  for (const { path, content } of generatedFiles()) {
    const present = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (present !== content) stale.push(path);
  }
  return stale;
}

async function main(root: string, isCheck: boolean): Promise<number> {
  const stale = await staleFiles(root);
  if (isCheck && stale.length > 0) {
    console.error(`not up to date with src/api: ${stale.join(', ')}; run \`npm run generate\` and commit the result`);
    return 1;
  }
  for (const { path, content } of generatedFiles().filter((file) => stale.includes(file.path))) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
    console.log(`wrote ${path}`);
  }
  if (stale.length === 0) console.log('generated files are up to date');
  return 0;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, root: { type: 'string' } } });
  process.exitCode = await main(values.root ?? join(import.meta.dirname, '..'), values.check === true);
}
