import { globSync } from 'node:fs';
import { type Lab, labAvailability, openLab } from '../../lab/lab.ts';
import { projectRoot, type StartChild } from './child.ts';
import { showPart } from './parts.ts';
import type { TierContext } from './tier.ts';
import { runVitest } from './vitest-run.ts';

/** Its own name keeps the tests' lab apart from one that somebody works with. */
const LAB_NAME = 'test';

/** As in vitest.config.ts: these stop parts of the lab, share its Redis, or measure. */
const ALONE = /(cli|outages|pods|release|replicas)\.lab\.test\.ts$/;
/** Files that share the lab at the same time; they mostly wait. */
const SHARING = 3;

/**
 * Runs the end-to-end tests inside a lab that is started for them and stopped after them. Where no lab is possible each test file
 * is a counted skip, and with CI=true a failure.
 */
export async function runLabTier(context: TierContext): Promise<void> {
  const files = globSync('test/e2e/**/*.test.ts', { cwd: projectRoot })
    .filter((file) => file.includes(context.filter ?? ''))
    .sort();
  if (files.length === 0) return;
  const availability = await labAvailability();
  if (!availability.available) {
    refuse(files, availability.reason, context);
    return;
  }
  context.terminal.activity('starting the lab');
  const { signal } = context;
  const lab = await openLab({ name: LAB_NAME, onProgress: showPart(context.terminal), signal });
  if (!lab.started) {
    context.terminal.line(
      `  lab "${LAB_NAME}" runs already and is left running; stop it: npm run lab -- --name ${LAB_NAME} down`,
    );
  }
  try {
    const start = startInside(lab);
    const shared = files.filter((file) => !ALONE.test(file));
    if (shared.length > 0) await runVitest({ project: 'lab', start, maxWorkers: SHARING }, context);
    if (shared.length < files.length) await runVitest({ project: 'lab-alone', start }, context);
  } finally {
    context.terminal.activity('stopping the lab');
    await lab.close();
  }
}

function startInside(lab: Lab): StartChild {
  return ([program, ...args], env) =>
    lab.exec(program, args, { cwd: projectRoot, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

function refuse(files: readonly string[], reason: string, { counts }: TierContext): void {
  for (const file of files) {
    if (process.env.CI === 'true') counts.failures.push({ name: file, text: `there is no lab: ${reason}` });
    else counts.skips.push({ name: file, reason: `there is no lab: ${reason}` });
  }
}
