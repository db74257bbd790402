import { type Command, Option } from 'commander';
import type { PlanWords } from './chaos-plan.ts';
import type { RunWords } from './chaos-run.ts';
import type { SourceWords } from './chaos-traffic.ts';

/** Options by which `plan` and `run` find an experiment and the traffic of its callers. */
export function addExperimentOptions(command: Command, { text }: { readonly text: (word: string) => string }): Command {
  return command
    .option('-f, --filename <file>', 'the file of the experiment; - for standard input', text)
    .option('--name <name>', "its name, instead of the file's: each run needs one of its own", text)
    .addOption(
      new Option('--prometheus <url>', 'Prometheus that scrapes the proxies, for live requests').env('PROMETHEUS_URL'),
    )
    .addOption(new Option('--prometheus-token <token>', 'bearer token for it').env('PROMETHEUS_TOKEN'));
}

/** What `plan` is about: a file, or one that exists. Null when it is neither, or both. */
export function planWords(
  existing: string | undefined,
  words: Readonly<Record<string, unknown>>,
  isYaml: boolean,
): PlanWords | null {
  const { filename, name } = words as { readonly filename?: string; readonly name?: string };
  if ((existing === undefined) === (filename === undefined)) return null;
  return {
    source: sourceOf(words),
    ...(existing !== undefined && { existing }),
    ...(filename !== undefined && { file: filename }),
    ...(name !== undefined && { name }),
    ...(isYaml && { yaml: true }),
  };
}

/** What `run` is about; null without a file. */
export function runWords(words: Readonly<Record<string, unknown>>): RunWords | null {
  const { filename, name, wait, timeout } = words as {
    readonly filename?: string;
    readonly name?: string;
    readonly wait?: boolean;
    readonly timeout?: number;
  };
  if (filename === undefined) return null;
  return {
    ...{ file: filename, wait: wait !== false, source: sourceOf(words) },
    ...(name !== undefined && { name }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
  };
}

function sourceOf(words: Readonly<Record<string, unknown>>): SourceWords {
  const { prometheus, prometheusToken } = words as SourceWords;
  return {
    ...(prometheus !== undefined && { prometheus }),
    ...(prometheusToken !== undefined && { prometheusToken }),
  };
}
