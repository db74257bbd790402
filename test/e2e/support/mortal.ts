import { join } from 'node:path';
import { type ControllerProcess, startController } from '../../../lab/shop/controller-process.ts';
import { labState, logFileOf } from './lab-parts.ts';

/** One `kill -9`, and how long it took until there was a controller again. */
export interface Strike {
  readonly why: string;
  readonly atMs: number;
  /** From the kill to a new controller that watches, in ms. */
  readonly backAfterMs: number;
}

export interface MortalOptions {
  /** Names its log file. */
  readonly name: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A controller that is killed again and again. There is never more than one of it. */
export interface Mortal {
  address(): string;
  isAlive(): boolean;
  /** Starts one; resolves when it watches. */
  start(): Promise<void>;
  /** SIGKILL at this very moment, and a new one as soon as the old is gone. Does nothing while there is none. */
  strike(why: string): void;
  /** SIGKILL at this very moment; resolves when it is gone. */
  kill(): Promise<void>;
  strikes(): readonly Strike[];
  /** Resolves when there is a controller again. */
  settled(): Promise<void>;
  /** `work`, or the reason why no controller could be started again, whichever comes first. */
  outlive<T>(work: Promise<T>): Promise<T>;
  /** SIGTERM. */
  close(): Promise<void>;
}

export function createMortal({ name, port, env = {} }: MortalOptions): Mortal {
  const strikes: Strike[] = [];
  const logFile = logFileOf(name);
  // It is started so often that compiling would be most of the test.
  const compileCache = join(labState(), 'compile-cache');
  let controller: ControllerProcess | undefined;
  let revival = Promise.resolve();

  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);

  const start = async (): Promise<void> => {
    controller = await startController({ logFile, port, env: { NODE_COMPILE_CACHE: compileCache, ...env } });
  };
  const take = (): ControllerProcess | undefined => {
    const taken = controller;
    controller = undefined;
    return taken;
  };
  return {
    address: () => `127.0.0.1:${port}`,
    isAlive: () => controller !== undefined,
    start,
    strike(why) {
      const gone = take()?.kill();
      if (gone === undefined) return;
      const atMs = Date.now();
      revival = gone.then(start).then(() => void strikes.push({ why, atMs, backAfterMs: Date.now() - atMs }));
      revival.catch(fail);
    },
    async kill() {
      await take()?.kill();
    },
    strikes: () => strikes,
    settled: () => revival,
    outlive: (work) => Promise.race([work, failed]),
    async close() {
      await revival.catch(() => undefined);
      await take()?.stop();
    },
  };
}
