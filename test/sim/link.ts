import type { Kube, KubeObject } from '../../src/kube/port.ts';
import { conflict, contextOf, refuse } from '../support/fake-kube-refuse.ts';
import type { Dice } from './dice.ts';
import type { SimClock } from './sim-clock.ts';

/** How bad the way to the API server is at the moment. */
export interface LinkQuality {
  /** Share of the calls that fail before they reach the server. */
  readonly failures: number;
  /** Share of the writes that take effect although the caller is told that they failed. */
  readonly lostAnswers: number;
  /** Share of the writes that are refused as if somebody had been faster. */
  readonly conflicts: number;
  /** Share of the calls that take a while. */
  readonly slow: number;
}

export const GOOD_LINK: LinkQuality = { failures: 0, lostAnswers: 0, conflicts: 0, slow: 0.1 };

/** What a call meets: refused as if somebody had been faster, failed before it took effect, or after it. */
export type Trouble = 'conflict' | 'error' | 'lost';

export interface LinkOptions {
  readonly clock: SimClock;
  readonly dice: Dice;
  readonly quality: () => LinkQuality;
  /** Called around each write with its number; may end the controller, whose call then never returns. */
  readonly onWrite: (moment: 'before' | 'after', what: string) => void;
  /** What this call meets, beside what is bad luck. */
  readonly trouble: (what: string) => Trouble | undefined;
  /** Told what the server made of each write, even if the caller never learns it. */
  readonly onOwnWrite: (object: KubeObject) => void;
  readonly isDead: () => boolean;
}

const READS: readonly string[] = ['get', 'list'];

/** One controller's way to the API server: takes time, fails at times, and ends with the controller. */
export function createLink(kube: Kube, options: LinkOptions): Kube {
  const { clock, dice, quality, onWrite, onOwnWrite, isDead, trouble } = options;
  const whileAlive = async (): Promise<void> => {
    if (isDead()) await new Promise(() => {});
  };
  const wait = async (): Promise<void> => {
    if (!dice.chance(quality().slow)) return;
    await clock.sleep(dice.chance(0.05) ? dice.int(100, 1500) : dice.int(1, 30));
  };

  /** The way there. A request that was on its way when its sender died may still arrive. */
  const send = async <R>(isWrite: boolean, run: () => Promise<R>): Promise<R> => {
    await whileAlive();
    await wait();
    if (isDead() && isWrite && dice.chance(0.5)) await run().catch(() => undefined);
    await whileAlive();
    return await run();
  };

  const call = async <R>(verb: keyof Kube, what: Described, run: () => Promise<R>): Promise<R> => {
    const context = contextOf('update', what.kind, what);
    const isWrite = !READS.includes(verb);
    const text = `${verb} ${what.kind.kind} ${what.name ?? ''}`;
    await whileAlive();
    if (isWrite) onWrite('before', text);
    const met = trouble(text);
    const answer = await send(isWrite, async () => {
      if (met === 'error' || dice.chance(quality().failures)) throw unavailable(context);
      if (met === 'conflict' || (isWrite && dice.chance(quality().conflicts))) throw conflict(context);
      return await run();
    });
    if (isWrite && answer !== undefined) onOwnWrite(answer as KubeObject);
    if (isWrite) onWrite('after', text);
    await whileAlive();
    await wait();
    await whileAlive();
    if (met === 'lost' || (isWrite && dice.chance(quality().lostAnswers))) throw unavailable(context);
    return answer;
  };

  return {
    get: (ref) => call('get', ref, () => kube.get(ref)),
    list: (kind, listOptions) => call('list', { kind }, () => kube.list(kind, listOptions)),
    create: (kind, object, write) => call('create', of(kind, object), () => kube.create(kind, object, write)),
    apply: (kind, object, write) => call('apply', of(kind, object), () => kube.apply(kind, object, write)),
    replace: (kind, object, write) => call('replace', of(kind, object), () => kube.replace(kind, object, write)),
    jsonPatch: (ref, patch, write) => call('jsonPatch', ref, () => kube.jsonPatch(ref, patch, write)),
    mergePatch: (ref, patch, write) => call('mergePatch', ref, () => kube.mergePatch(ref, patch, write)),
    delete: (ref, deleteOptions) => call('delete', ref, () => kube.delete(ref, deleteOptions)),
    watch: (kind, watchOptions) => kube.watch(kind, watchOptions),
  };
}

interface Described {
  readonly kind: Parameters<Kube['list']>[0];
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

function of(kind: Described['kind'], { metadata }: { metadata: { namespace?: string; name: string } }): Described {
  return { kind, namespace: metadata.namespace, name: metadata.name };
}

function unavailable(context: Parameters<typeof refuse>[0]): Error {
  return refuse(context, { code: 503, reason: 'ServiceUnavailable', message: 'the server is not able to answer' });
}
