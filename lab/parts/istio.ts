import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { LabError } from '../lab-error.ts';
import { goFamilyFolder, goFamilyPins, goPart, requireGo } from './go-part.ts';
import type { InstallContext, Part } from './part.ts';
import { run } from './run.ts';

// The pseudo-version that the Go proxy serves as @latest; it refuses the others.
const VERSION = 'v0.0.0-20260827124520-eed52ebb66ad';
const ISTIO_VERSION = '1.31.0';
const CRD_FILE = 'manifests/charts/base/files/crd-all.gen.yaml';
const JSON_FILE = 'crds.json';

/** Istio's control plane. */
export const istiod = goPart({
  name: 'istiod',
  version: VERSION,
  family: 'istio',
  packagePath: 'istio.io/istio/pilot/cmd/pilot-discovery',
  binary: 'pilot-discovery',
  linkerFlags: [
    `-X istio.io/istio/pkg/version.buildVersion=${ISTIO_VERSION}`,
    '-X istio.io/istio/pkg/version.buildStatus=Clean',
    `-X istio.io/istio/pkg/version.buildTag=${ISTIO_VERSION}`,
  ],
  check: { args: ['version', '--short'], expect: ISTIO_VERSION },
});

/** Istio's CustomResourceDefinitions as a JSON array, out of the same module that istiod is built from. */
export const istioCrds: Part = {
  name: 'istio-crds',
  version: VERSION,
  source: `Go module istio.io/istio, ${CRD_FILE}`,
  lane: 'go',
  cacheKey: () => [goFamilyPins('istio'), CRD_FILE, JSON_FILE].join('\n'),
  requireTools: requireGo,
  install: convertCrds,
  files: { crds: JSON_FILE },
};

async function convertCrds({ target, step }: InstallContext): Promise<void> {
  step('download module');
  const answer = await run(requireGo(), ['mod', 'download', '-json', `istio.io/istio@${VERSION}`], {
    cwd: goFamilyFolder('istio'),
    env: { GOWORK: 'off' },
  });
  const { Dir: folder } = JSON.parse(answer) as { readonly Dir?: string };
  if (!folder) throw new LabError(`go mod download named no folder for istio.io/istio@${VERSION}`);
  // A megabyte of YAML takes a second to read; JSON is read at every start instead.
  const documents = parseAllDocuments(await readFile(join(folder, CRD_FILE), 'utf8'));
  const objects = documents.map((document) => document.toJS() as unknown).filter(Boolean);
  await writeFile(join(target, JSON_FILE), JSON.stringify(objects));
}
