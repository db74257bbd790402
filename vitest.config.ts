import { defineConfig } from 'vitest/config';

const LAB = { testTimeout: 600_000, hookTimeout: 300_000 };
const LAB_ALONE = [
  ...['bad-specs', 'catalogue', 'chaos', 'cli', 'outages', 'pods'],
  ...['reaper', 'release', 'replicas', 'safety', 'slo'],
].map((name) => `test/e2e/${name}.lab.test.ts`);

/** One project per tier of `npm test`; what a tier is for stands in CONTRIBUTING.md. */
export default defineConfig({
  test: {
    passWithNoTests: false,
    allowOnly: false,
    maxWorkers: 2,
    projects: [
      tier('tidy', ['test/tidy/*.test.ts'], { testTimeout: 120_000 }),
      tier('unit', [
        'machines/**/*.test.ts',
        'src/**/*.test.ts',
        'lab/**/*.test.ts',
        'demo/**/*.test.ts',
        'scripts/**/*.test.ts',
        'test/{runner,support}/**/*.test.ts',
      ]),
      tier('golden', ['test/golden/**/*.test.ts']),
      tier('contract', ['test/contract/**/*.test.ts'], { testTimeout: 30_000, hookTimeout: 60_000 }),
      tier('simulation', ['test/sim/**/*.test.ts'], { testTimeout: 120_000 }),
      // Tests on the lab mostly wait, so several files share it.
      tier('lab', ['test/e2e/**/*.test.ts'], { ...LAB, exclude: LAB_ALONE }),
      // These stop parts of it, share its Redis or what is one for the cluster, or measure.
      tier('lab-alone', LAB_ALONE, { ...LAB, fileParallelism: false }),
    ],
  },
});

function tier(
  name: string,
  include: string[],
  options: { testTimeout?: number; hookTimeout?: number; fileParallelism?: boolean; exclude?: string[] } = {},
) {
  return { extends: true as const, test: { name, include, ...options } };
}
