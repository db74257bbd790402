import type { SafetyPolicy } from '../api/safety-policy.ts';
import { createTicks, opening } from './ticks.ts';

/** Why nothing begins now. */
export interface Freeze {
  readonly message: string;
  /** When it is over by itself, in ms since the epoch; null where that takes an edit. */
  readonly until: number | null;
}

type Spec = Pick<SafetyPolicy['spec'], 'freeze' | 'freezeUntil' | 'freezeWindows' | 'reason'>;

/** Bounds the search for the end of windows that follow one another without a gap: three boundaries a day each. */
const MAX_SEARCH = 500;

/** The freeze that the policy means at a time (ms); null where releases and experiments may begin. Pure. */
export function freezeAt(policy: Spec | null, at: number): Freeze | null {
  if (policy === null) return null;
  const { freezeWindows = [], reason } = policy;
  const windows = freezeWindows.map(({ timeZone, ...window }) => ({ ...window, isOpen: opening([window], timeZone) }));
  const isFrozen = (ms: number) => isSet(policy, ms) || windows.some(({ isOpen }) => isOpen(ms));
  if (!isFrozen(at)) return null;
  const until = endOf(policy, isFrozen, at);
  const open = windows.flatMap(({ name, isOpen }) => (isOpen(at) ? [name] : []));
  const why = isSet(policy, at) ? (reason ?? '') : `freezeWindows ${open.join(', ')}`;
  const byHand = isSet(policy, at) ? '`sluice unfreeze` ends it' : 'edit them to end it';
  const end = until === null ? byHand : `until ${new Date(until).toISOString()}`;
  const what = `the SafetyPolicy lets no release and no experiment begin${why === '' ? '' : `: ${why}`}`;
  return { message: `${what}; ${end}`, until };
}

function isSet({ freeze, freezeUntil }: Spec, at: number): boolean {
  return freeze && (freezeUntil === undefined || at < Date.parse(freezeUntil));
}

function endOf(policy: Spec, isFrozen: (ms: number) => boolean, at: number): number | null {
  if (policy.freeze && policy.freezeUntil === undefined) return null;
  const beats = (policy.freezeWindows ?? []).flatMap(({ from = '00:00', to = '24:00', timeZone }) =>
    [from, to, '24:00'].map((time) => createTicks({ schedule: dailyAt(time), timeZone, anchorMs: 0, windows: [] })),
  );
  const fixed = policy.freezeUntil === undefined ? [] : [Date.parse(policy.freezeUntil)];
  let now = at;
  for (let searched = 0; searched < MAX_SEARCH; searched += 1) {
    const next = [...fixed, ...beats.map((ticks) => ticks.next(now).at)].filter((time) => time !== null && time > now);
    if (next.length === 0) return null;
    now = Math.min(...(next as number[]));
    if (!isFrozen(now)) return now;
  }
  return null;
}

/** `24:00` is the midnight that ends the day. */
function dailyAt(time: string): string {
  const [hour, minute] = time.split(':').map(Number);
  return `${minute} ${(hour ?? 0) % 24} * * *`;
}
