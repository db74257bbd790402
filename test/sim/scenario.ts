import { type Behaviour, GOOD } from './cluster.ts';
import type { Dice } from './dice.ts';
import type { Mode } from './world.ts';

/** Something that happens to a release from outside, at a time after the start of the run in ms. */
export type Incident = { readonly at: number } & (
  | { readonly kind: 'template'; readonly image: string }
  | { readonly kind: 'action'; readonly type: 'Pause' | 'Resume' | 'Promote' | 'Abort'; readonly isLate: boolean }
  | { readonly kind: 'editRoute'; readonly edit: 'weights' | 'putBack' | 'timeout' }
  | { readonly kind: 'scale'; readonly replicas: number }
  | { readonly kind: 'unpause' }
  | { readonly kind: 'deleteRollout' }
  | { readonly kind: 'policy'; readonly connections: number }
  | { readonly kind: 'crashNow' }
  | { readonly kind: 'crashAtWrite'; readonly moment: 'before' | 'after'; readonly skip: number }
  | { readonly kind: 'secondController'; readonly forMs: number }
  | { readonly kind: 'metricsOutage'; readonly forMs: number; readonly isScrape: boolean }
  | { readonly kind: 'badLink'; readonly forMs: number; readonly share: number }
  | { readonly kind: 'lateWatches'; readonly forMs: number; readonly lagMs: number }
  | { readonly kind: 'lateRoutes'; readonly forMs: number; readonly delayMs: number }
  | { readonly kind: 'lull'; readonly forMs: number }
);

export interface Scenario {
  readonly mode: Mode;
  readonly replicas: number;
  readonly onInconclusive: 'RollBack' | 'Hold';
  readonly versions: Readonly<Record<string, Behaviour>>;
  /** In order of time. */
  readonly incidents: readonly Incident[];
}

/** No incident begins later than this; then the world is left alone. */
export const QUIET_AT_MS = 120_000;

const BAD: Behaviour = { ...GOOD, errorRatio: 0.3 };
const UNREADY: Behaviour = { ...GOOD, readyAfterMs: null };
const CRASHING: Behaviour = { ...GOOD, crashAfterMs: 9_000 };

/** A release of a version of which three answers in ten are failures, with nothing else going on. */
export function badScenario(mode: Mode): Scenario {
  const first: Incident = { kind: 'template', image: 'v2', at: 3_000 };
  return { mode, replicas: 3, onInconclusive: 'RollBack', versions: { v2: BAD }, incidents: [first] };
}

/** A good release whose controller is killed at one of its writes. */
export function crashScenario(mode: Mode, moment: 'before' | 'after', skip: number): Scenario {
  return {
    ...{ mode, replicas: 2, onInconclusive: 'RollBack', versions: { v2: GOOD } },
    incidents: [
      { kind: 'crashAtWrite', moment, skip, at: 0 },
      // Late enough that a controller that was killed before it adopted the Deployment has done so.
      { kind: 'template', image: 'v2', at: 12_000 },
    ],
  };
}

/** What happens in the run of one seed. */
export function scenarioOf(dice: Dice): Scenario {
  const base = {
    mode: dice.pick(['owned', 'adopted'] as const),
    replicas: dice.int(1, 4),
    onInconclusive: dice.chance(0.1) ? ('Hold' as const) : ('RollBack' as const),
  };
  const versions = {
    v2: dice.chance(0.7) ? GOOD : dice.pick([BAD, UNREADY, CRASHING]),
    v3: dice.chance(0.7) ? GOOD : dice.pick([BAD, UNREADY]),
  };
  const first: Incident = { kind: 'template', image: 'v2', at: 3_000 };
  if (dice.chance(0.1)) return { ...base, versions, incidents: [first] };
  const at = () => dice.int(1_000, QUIET_AT_MS);
  const count = dice.int(1, 6);
  const others = Array.from({ length: count }, () => incident(dice, at()));
  const isAllowed = ({ kind }: Incident) => base.onInconclusive === 'RollBack' || kind !== 'metricsOutage';
  const incidents = [first, ...others.filter(isAllowed)].toSorted((a, b) => a.at - b.at);
  return { ...base, versions, incidents };
}

const KINDS: readonly (readonly [Incident['kind'], number])[] = [
  ['template', 6],
  ['action', 6],
  ['editRoute', 4],
  ['scale', 5],
  ['unpause', 2],
  ['deleteRollout', 2],
  ['policy', 2],
  ['crashNow', 4],
  ['crashAtWrite', 12],
  ['secondController', 5],
  ['metricsOutage', 5],
  ['badLink', 8],
  ['lateWatches', 8],
  ['lateRoutes', 5],
  ['lull', 2],
];

function incident(dice: Dice, at: number): Incident {
  const kind = weighted(dice);
  switch (kind) {
    case 'template':
      return { kind, at, image: dice.pick(['v1', 'v2', 'v3', 'v3']) };
    case 'action':
      return { kind, at, type: dice.pick(['Pause', 'Resume', 'Promote', 'Abort'] as const), isLate: dice.chance(0.2) };
    case 'editRoute':
      return { kind, at, edit: dice.pick(['weights', 'putBack', 'timeout'] as const) };
    case 'scale':
      return { kind, at, replicas: dice.int(1, 6) };
    case 'policy':
      return { kind, at, connections: dice.int(1, 99) };
    case 'crashAtWrite':
      return { kind, at, moment: dice.pick(['before', 'after'] as const), skip: dice.int(0, 5) };
    case 'secondController':
      return { kind, at, forMs: dice.int(500, 20_000) };
    case 'metricsOutage':
      return { kind, at, forMs: dice.int(5_000, 60_000), isScrape: dice.chance(0.5) };
    case 'badLink':
      return { kind, at, forMs: dice.int(1_000, 40_000), share: dice.pick([0.03, 0.1, 0.3]) };
    case 'lateWatches':
      return { kind, at, forMs: dice.int(1_000, 40_000), lagMs: dice.pick([500, 2_000, 6_000]) };
    case 'lateRoutes':
      return { kind, at, forMs: dice.int(1_000, 40_000), delayMs: dice.pick([1_000, 4_000, 15_000]) };
    case 'lull':
      return { kind, at, forMs: dice.int(5_000, 40_000) };
    default:
      return { kind, at };
  }
}

function weighted(dice: Dice): Incident['kind'] {
  let left = dice.next() * KINDS.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of KINDS) {
    left -= weight;
    if (left < 0) return kind;
  }
  return 'crashNow';
}
