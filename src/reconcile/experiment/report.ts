import type { ExperimentContext, GivenDose } from '../../../machines/experiment/context.ts';
import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import { type ExperimentScope, otherRevisionOf, revisionOf } from '../../plan/experiment-scope.ts';

/** What was done and seen, as Markdown: facts only, counted and not intended. Pure. */
export function reportOf(
  { metadata, spec }: ChaosExperiment,
  context: ExperimentContext,
  { scope, coverage }: { readonly scope: ExperimentScope | null; readonly coverage: string },
): string {
  const { outcome, startedAt, injectedAt, ended } = context;
  const { target, callers, fault, steadyState } = spec;
  const who = callers.matchLabels === undefined ? 'everyone' : JSON.stringify(callers.matchLabels);
  return [
    `# ${metadata.name}: ${outcome?.verdict ?? 'not finished'}`,
    '',
    outcome?.message ?? '',
    '',
    `- Fault: ${JSON.stringify(fault)} on requests of ${who}${versionOf(scope?.callers)} to ${target.service.name}:${target.service.port}${versionOf(scope?.target)}`,
    `- Callers now: ${coverage}`,
    `- Steady state: ${steadyState === undefined ? 'none' : `what the users of ${steadyState.service} see${controlOf(scope?.callers)}`}`,
    `- Baseline from ${timeOf(startedAt)}, injected from ${timeOf(injectedAt)}, ended ${timeOf(ended?.at ?? null)} (${ended?.cause ?? ''})`,
    `- Tolerance: ${outcome?.tolerancePpm == null ? 'not shown' : `${outcome.tolerancePpm / 10_000} %`}`,
    '',
    '| dose | requests | touched | proven | steady state |',
    '|---|---|---|---|---|',
    ...context.doses.map(rowOf),
    '',
  ].join('\n');
}

/** ` (Canary 7f9c8b5d4f)`. */
function versionOf(version: ExperimentScope['callers'] | undefined): string {
  return version == null ? '' : ` (${version.version} ${revisionOf(version)})`;
}

function controlOf(version: ExperimentScope['callers'] | undefined): string {
  return version == null ? '' : `, beside those of ${otherRevisionOf(version)}, which knew no fault`;
}

function rowOf({ dosePpm, matched, faulted, isProven, judged, steadyState }: GivenDose): string {
  const proven = isProven === null ? 'too few to tell' : isProven ? 'yes' : 'no';
  return `| ${dosePpm / 10_000} % | ${matched} | ${faulted} | ${proven} | ${steadyState ?? 'not judged'}: ${judged} |`;
}

function timeOf(ms: number | null): string {
  return ms === null ? '-' : new Date(ms).toISOString();
}
