import { cruise, type ICruiseOptions, type ICruiseResult, type IFlattenedRuleSet } from 'dependency-cruiser';
import { describe, expect, it } from 'vitest';
import config from '../../layers.config.ts';
import { files } from './tree.ts';

const folders = ['machines', 'src', 'lab', 'demo', 'test', 'scripts'];
const planted = 'test/tidy/planted';

const tree = await violationsIn(folders.filter((folder) => files.some((file) => file.startsWith(`${folder}/`))));
const plantedTree = await violationsIn([planted], plantedConfig());

describe('the layers of the tree', () => {
  it('hold', () => {
    expect(tree.violations).toEqual([]);
  });

  it('are checked in every source file', () => {
    const missed = files
      .filter((file) => /^(machines|src|lab|demo|test|scripts)\/.*\.(ts|mjs)$/.test(file))
      .filter((file) => !tree.modules.has(file));
    expect(missed).toEqual([]);
  });
});

describe('a planted violation is caught', () => {
  it.each([
    ['machines-decide-only', 'machines/rollout/reads-files.ts'],
    ['machines-decide-only', 'machines/rollout/imports-src.ts'],
    ['judge-stands-alone', 'machines/judge/imports-rollout.ts'],
    ['kubernetes-sdk-only-in-kube', 'src/reconcile/reconciler.ts'],
    ['redis-only-in-queue', 'src/reconcile/owns-queue.ts'],
    ['prometheus-client-only-in-its-provider', 'src/metrics/sampler.ts'],
    ['nothing-imports-main', 'src/reconcile/imports-main.ts'],
    ['parts-know-no-sibling', 'src/routing/imports-metrics.ts'],
    ['parts-know-no-sibling', 'src/kube/imports-reconcile.ts'],
    ['decisions-know-ports-only', 'src/reconcile/imports-kube.ts'],
    ['api-is-a-leaf', 'src/api/imports-reconcile.ts'],
    ['lib-is-a-leaf', 'src/lib/imports-zod.ts'],
    ['product-knows-no-lab', 'src/reconcile/imports-lab.ts'],
    ['product-needs-no-development-package', 'src/reconcile/imports-development-package.ts'],
    ['no-cycle', 'src/reconcile/first-of-cycle.ts'],
    ['resolves', 'src/reconcile/imports-nothing.ts'],
  ])('by %s: %s', (rule, file) => {
    expect(
      plantedTree.violations.filter((violation) => violation.startsWith(`${rule}: ${planted}/${file} `)),
    ).not.toEqual([]);
  });

  it('for every rule that there is', () => {
    const caught = new Set(plantedTree.violations.map((violation) => violation.slice(0, violation.indexOf(':'))));
    const rules = (config.forbidden ?? []).map((rule) => rule.name);
    expect(rules.filter((rule) => rule === undefined || !caught.has(rule))).toEqual([]);
  });
});

/** The same rules with the planted folder in the place of the root. */
function plantedConfig(): typeof config {
  const text = JSON.stringify({ ...config, options: { ...config.options, exclude: undefined } });
  return JSON.parse(text.replaceAll('"^', `"^${planted}/`));
}

async function violationsIn(paths: readonly string[], using: typeof config = config) {
  const options: ICruiseOptions = {
    ...using.options,
    validate: true,
    ruleSet: { forbidden: using.forbidden } as IFlattenedRuleSet,
  };
  const { output } = (await cruise([...paths], options)) as { output: ICruiseResult };
  return {
    modules: new Set(output.modules.map((module) => module.source)),
    violations: output.summary.violations.map(
      (violation) => `${violation.rule.name}: ${violation.from} imports ${violation.to}`,
    ),
  };
}
