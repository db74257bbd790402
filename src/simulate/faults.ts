import type { Slowness } from './durations.ts';

/** What a fault depends on. */
export interface Moment {
  /** Seconds since the new version got its first request; null before. */
  readonly sinceS: number | null;
  /** Its share of the requests at this moment, from 0 to 1. */
  readonly share: number;
}

/** A number from 0 up to 1, the same for all of a run. */
export type Chance = number;

/** Shares of the requests of both versions that fail beyond the usual. */
export interface Extra {
  readonly canary: number;
  readonly stable: number;
}

/** What is wrong with a release, or with the world around it. */
export interface Fault {
  readonly name: string;
  /** For people; ends without a full stop. */
  readonly description: string;
  /** True when it is the new version's fault, so that taking it back is right. */
  readonly isCaused: boolean;
  readonly extraAt: (moment: Moment, chance: Chance) => Extra;
  /** How the new version is slower. */
  readonly slowness?: Slowness;
}

const NOTHING: Extra = { canary: 0, stable: 0 };

/** It begins at any moment of these, since none of them is special: some of them fall on a step. */
const OUTAGE = { earliestS: 30, latestS: 330, lengthS: 180, depth: 0.3 } as const;
const LATE = { beginsS: 300, depth: 0.2 } as const;
const LOAD = { aboveShare: 0.2, depth: 0.5 } as const;
const CAUSED_OUTAGE = { depth: 0.3 } as const;
const DRIFT = { beginsS: 300, extra: 0.009 } as const;

function errors(percent: number): Fault {
  const ratio = percent / 100;
  return {
    name: `errors-${percent}`,
    description: `${percent} % of the new version's requests fail from the start`,
    isCaused: true,
    extraAt: () => ({ canary: ratio, stable: 0 }),
  };
}

const slow = (name: string, description: string, slowness: Slowness): Fault => ({
  ...{ name, description, isCaused: true, slowness },
  extraAt: () => NOTHING,
});

/** The profiles of `--fault`. */
export const FAULTS: readonly Fault[] = [
  { name: 'none', description: 'a harmless release', isCaused: false, extraAt: () => NOTHING },
  errors(1),
  errors(5),
  errors(50),
  errors(100),
  {
    name: 'late',
    description: '20 % fail from five minutes after the first request on',
    isCaused: true,
    extraAt: ({ sinceS }) => (sinceS !== null && sinceS >= LATE.beginsS ? { canary: LATE.depth, stable: 0 } : NOTHING),
  },
  {
    name: 'load',
    description: '50 % fail while the new version has more than 20 % of the requests',
    isCaused: true,
    extraAt: ({ share }) => (share > LOAD.aboveShare ? { canary: LOAD.depth, stable: 0 } : NOTHING),
  },
  {
    name: 'outage',
    description:
      'a dependency fails 30 % of both versions for three minutes, half a minute to 5.5 minutes after the first request',
    isCaused: false,
    extraAt: ({ sinceS }, chance) => {
      const { earliestS, latestS, lengthS, depth } = OUTAGE;
      const inS = sinceS === null ? -1 : sinceS - earliestS - chance * (latestS - earliestS);
      return inS >= 0 && inS < lengthS ? { canary: depth, stable: depth } : NOTHING;
    },
  },
  {
    name: 'caused-outage',
    description: 'the new version breaks a dependency: 30 % of both versions fail while it has requests',
    isCaused: true,
    extraAt: ({ share }) => (share > 0 ? { canary: CAUSED_OUTAGE.depth, stable: CAUSED_OUTAGE.depth } : NOTHING),
  },
  {
    name: 'drift',
    description: 'ten times as many failures in both versions from five minutes after the first request on',
    isCaused: false,
    extraAt: ({ sinceS }) =>
      sinceS !== null && sinceS >= DRIFT.beginsS ? { canary: DRIFT.extra, stable: DRIFT.extra } : NOTHING,
  },
  slow('slow', 'the new version takes half as long again for every request', { factor: 1.5 }),
  slow('tail', "3 % of the new version's requests take a second longer", { stuckShare: 0.03, stuckMs: 1000 }),
];
