import type { SafetyPolicy } from '../api/safety-policy.ts';
import { kinds } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/port.ts';
import { EXIT, Failure } from './exit.ts';
import type { Session } from './session.ts';

const WRITER = { fieldManager: 'sluice-cli' } as const;

/** What the SafetyPolicy is to say. */
export interface LeverWords {
  readonly lever: 'halt' | 'freeze';
  readonly isOn: boolean;
  readonly reason: string | undefined;
  /** When a freeze is over by itself: a time, or so many ms from now. */
  readonly until: number | { readonly inMs: number } | undefined;
}

const TEXTS = {
  halt: {
    on: 'halted: every experiment ends now, and none is admitted',
    off: 'experiments are admitted again; those that were ended stay so',
  },
  freeze: {
    on: 'frozen: no release and no experiment begins; those under way go on',
    off: 'releases and experiments begin again, and those that waited begin now',
  },
} as const;

/** `sluice halt`, `unhalt`, `freeze` and `unfreeze`: the levers for the whole cluster, in the SafetyPolicy. Asking again changes nothing. */
export async function setLever(session: Session, words: LeverWords): Promise<number> {
  const { kube, isJson, out } = session;
  const { lever, isOn } = words;
  const { apiVersion, kind } = kinds.safetyPolicy;
  const ref = { kind: kinds.safetyPolicy, name: 'default' };
  const until = timeOf(words.until, session.clock.now());
  const found = await kube.get<SafetyPolicy & KubeObject>(ref);
  const spec = {
    [lever]: isOn,
    ...reasonOf(words, found),
    ...(lever === 'freeze' && { freezeUntil: isOn ? (until ?? null) : null }),
  };
  if (found !== undefined) await kube.mergePatch(ref, { spec }, WRITER);
  else if (isOn) {
    const given = Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== null));
    const object = { apiVersion, kind, metadata: { name: 'default' }, spec: given };
    await kube.create<KubeObject>(kinds.safetyPolicy, object, WRITER);
  }
  const end = until === undefined ? '' : `, until ${until}`;
  const message = `${TEXTS[lever][isOn ? 'on' : 'off']}${end}`;
  const values = { [lever]: isOn, ...(until !== undefined && { until }), message };
  out.write(`${isJson ? JSON.stringify(values) : message}\n`);
  return EXIT.ok;
}

/** There is one reason for both levers: it stays while the other one is pulled. */
function reasonOf({ lever, isOn, reason }: LeverWords, found: SafetyPolicy | undefined): { reason?: string | null } {
  if (isOn && reason !== undefined) return { reason };
  const isOtherOn = lever === 'halt' ? found?.spec.freeze : found?.spec.halt;
  return isOtherOn === true ? {} : { reason: null };
}

function timeOf(until: LeverWords['until'], now: number): string | undefined {
  if (until === undefined) return undefined;
  const at = typeof until === 'number' ? until : now + until.inMs;
  if (at <= now) throw new Failure(`--until: ${new Date(at).toISOString()} is over already`, EXIT.usage);
  // The policy takes whole seconds.
  return new Date(Math.ceil(at / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
