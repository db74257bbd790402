import type { IConfiguration } from 'dependency-cruiser';

const tests = '\\.test\\.ts$';
const ports = '^src/[^/]+/(port|kinds)\\.ts$';

/**
 * Which folder may import which (design.md section 7, style.md 5.3). Each rule names what it keeps apart and why.
 * test/tidy/layers.test.ts runs it over the whole tree and over planted violations that every rule must catch.
 */
export default {
  forbidden: [
    {
      name: 'machines-decide-only',
      comment: 'Machines decide from their inputs alone, so they import nothing but XState and each other.',
      severity: 'error',
      from: { path: '^machines/', pathNot: tests },
      to: { pathNot: ['^machines/', '(^|/)node_modules/xstate/'] },
    },
    {
      name: 'judge-stands-alone',
      comment: 'The judge is arithmetic that can be checked on its own.',
      severity: 'error',
      from: { path: '^machines/judge/', pathNot: tests },
      to: { pathNot: '^machines/judge/' },
    },
    {
      name: 'kubernetes-sdk-only-in-kube',
      comment: 'Everything else speaks to the API server through the port of src/kube.',
      severity: 'error',
      from: { path: '^(src|machines)/', pathNot: '^src/kube/' },
      to: { path: '(^|/)node_modules/@kubernetes/client-node/' },
    },
    {
      name: 'redis-only-in-queue',
      comment: 'Redis is a hint behind the port of src/queue.',
      severity: 'error',
      from: { path: '^(src|machines)/', pathNot: '^src/queue/' },
      to: { path: '(^|/)node_modules/(bullmq|ioredis)/' },
    },
    {
      name: 'prometheus-client-only-in-its-provider',
      comment: 'A metric provider is one file.',
      severity: 'error',
      from: { path: '^(src|machines)/', pathNot: '^src/metrics/providers/prometheus(\\.test)?\\.ts$' },
      to: { path: '(^|/)node_modules/prometheus-query/' },
    },
    {
      name: 'nothing-imports-main',
      comment: 'A main.ts puts parts together; whatever two of them need belongs in a part.',
      severity: 'error',
      from: {},
      to: { path: '(^|/)main\\.ts$' },
    },
    {
      name: 'parts-know-no-sibling',
      comment:
        'Routers, providers, workloads, queue and kube share ports and nothing else, so that each can be replaced.',
      severity: 'error',
      from: { path: '^src/(routing|metrics|workloads|queue|kube)/', pathNot: tests },
      to: { path: '^(src|machines)/', pathNot: ['^src/$1/', '^src/(lib|api|telemetry)/', ports] },
    },
    {
      name: 'decisions-know-ports-only',
      comment: 'Reconcilers and effects get their parts from main.ts.',
      severity: 'error',
      from: { path: '^src/(reconcile|effects|plan)/', pathNot: tests },
      to: { path: '^src/(kube|queue|routing/routers|metrics/providers|cli|web)/', pathNot: ports },
    },
    {
      name: 'api-is-a-leaf',
      comment: 'The kinds are the source of crds/ and must not depend on how they are carried out.',
      severity: 'error',
      from: { path: '^src/api/', pathNot: tests },
      to: { path: '^(src|machines)/', pathNot: '^src/(api|lib)/' },
    },
    {
      name: 'lib-is-a-leaf',
      comment: 'Everything may import src/lib, so it imports nothing of ours and no package.',
      severity: 'error',
      from: { path: '^src/lib/', pathNot: tests },
      to: { pathNot: '^src/lib/', dependencyTypesNot: ['core'] },
    },
    {
      name: 'product-knows-no-lab',
      comment: 'What ships must not need what tests it.',
      severity: 'error',
      from: { path: '^(src|machines)/', pathNot: tests },
      to: { path: '^(lab|test|demo|scripts)/' },
    },
    {
      name: 'product-needs-no-development-package',
      comment: 'A package that runs in the cluster is a dependency, not a development dependency.',
      severity: 'error',
      from: { path: '^(src|machines)/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-cycle',
      comment: 'A cycle is one module in several files.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    { name: 'resolves', comment: 'Every import exists.', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: '(^|/)node_modules/' },
    exclude: { path: '(^|/)dist/|^test/tidy/planted/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
} satisfies IConfiguration;
