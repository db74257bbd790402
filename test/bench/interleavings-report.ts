import { FIGURES, type Figure } from './interleavings-checks.ts';
import type { Scene } from './interleavings-scene.ts';

/** One release and one experiment that are over. */
export interface Interleaving {
  readonly case: 'interleavings';
  readonly run: number;
  readonly scene: Scene;
  readonly release: string;
  readonly experiment: string;
  readonly touched: number;
  /** How often the route was written while requests were touched. */
  readonly writesUnderFault: number;
  /** How often requests were counted between two changes of the route, and how many of them. */
  readonly stretches: number;
  readonly requests: number;
  readonly seconds: number;
  readonly broken: Readonly<Record<Figure, readonly string[]>>;
}

export function isUnbroken({ broken }: Interleaving): boolean {
  return Object.values(broken).every((problems) => problems.length === 0);
}

/** The table at the end: each figure, and how the runs ended. */
export function interleavingsTable(runs: readonly Interleaving[], wanted: number): string {
  const figures = (Object.entries(FIGURES) as [Figure, string][]).map(([figure, words]) => {
    const good = runs.filter(({ broken }) => broken[figure].length === 0).length;
    return `${good === wanted ? 'ok  ' : 'MISS'} interleavings: ${words}: ${good} of ${wanted}`;
  });
  const together = runs.filter(({ writesUnderFault }) => writesUnderFault > 0).length;
  const sum = (figure: 'touched' | 'stretches' | 'requests' | 'writesUnderFault') =>
    runs.reduce((total, run) => total + run[figure], 0);
  return [
    ...figures,
    `     both moved at once in ${together}: ${sum('writesUnderFault')} writes of the route under a fault, ${sum('touched')} requests touched`,
    `     splits: ${sum('stretches')}, of ${sum('requests')} requests`,
    `     releases: ${tally(runs.map(({ release }) => release))}`,
    `     experiments: ${tally(runs.map(({ experiment }) => experiment))}`,
  ].join('\n');
}

function tally(words: readonly string[]): string {
  return [...Map.groupBy(words, (word) => word)].map(([word, same]) => `${same.length} ${word}`).join(', ');
}
