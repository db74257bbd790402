import { type Command, InvalidArgumentError, Option } from 'commander';

/** What `sluice simulate` was asked; names are checked where the profiles are known. */
export interface SimulateWords {
  readonly file?: string;
  readonly traffic: string;
  readonly faults: readonly string[];
  readonly against: readonly string[];
  /** Requests per second; the profile's own without it. */
  readonly requestRate?: number;
  /** Share of requests that fail when nothing is wrong, in percent. */
  readonly usualFailures: number;
  readonly runs: number;
  readonly seed: number;
  readonly scrapeMs: number;
  readonly listsProfiles: boolean;
}

const DEFAULT_FAULTS: readonly string[] = ['none', 'errors-1', 'errors-5', 'errors-50', 'late', 'outage'];

/** Adds the options of `simulate`; `duration` reads a time. */
export function addSimulateOptions(target: Command, duration: (text: string) => number): Command {
  return target
    .option('-f, --filename <file>', 'the Rollout, as YAML or JSON; - is standard input', nonEmpty)
    .option('--traffic <profile>', 'how requests come', nonEmpty, 'steady')
    .addOption(
      new Option('--fault <profile...>', `what is wrong; "all" for every one (default: ${DEFAULT_FAULTS.join(', ')})`),
    )
    .addOption(new Option('--against <rival...>', 'rules of others in the same table; "none" for none (default: all)'))
    .option('--rate <number>', "requests per second of both versions (default: the profile's)", positive)
    .option('--failures <percent>', 'share of requests that fail when nothing is wrong', percentage, 0.1)
    .option('--runs <number>', 'releases for each row', whole, 200)
    .option('--seed <number>', 'the same seed gives the same table', whole, 1)
    .addOption(
      new Option('--scrape <duration>', 'time between two scrapes, 1s to 5m').argParser(duration).default(5_000, '5s'),
    )
    .option('--list-profiles', 'list traffic, faults and rivals');
}

/** Reads what commander parsed. */
export function simulateWords(words: Record<string, unknown>): SimulateWords {
  const list = (name: string, otherwise: readonly string[]) => (words[name] as string[] | undefined) ?? otherwise;
  return {
    ...(words['filename'] !== undefined && { file: words['filename'] as string }),
    ...(words['rate'] !== undefined && { requestRate: words['rate'] as number }),
    traffic: words['traffic'] as string,
    faults: list('fault', DEFAULT_FAULTS),
    against: list('against', ['all']),
    usualFailures: words['failures'] as number,
    runs: words['runs'] as number,
    seed: words['seed'] as number,
    scrapeMs: words['scrape'] as number,
    listsProfiles: words['listProfiles'] === true,
  };
}

function nonEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

function positive(text: string): number {
  const value = Number(text);
  if (text === '' || !(value > 0 && value <= 1_000_000))
    throw new InvalidArgumentError('It must be a number above 0, at most 1000000.');
  return value;
}

function percentage(text: string): number {
  const value = Number(text);
  if (text === '' || !(value >= 0 && value <= 50))
    throw new InvalidArgumentError('It must be a percentage from 0 to 50.');
  return value;
}

function whole(text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isInteger(value) || value < 1 || value > 1_000_000)
    throw new InvalidArgumentError('It must be a whole number from 1 to 1000000.');
  return value;
}
