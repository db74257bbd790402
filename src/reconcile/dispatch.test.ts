import { describe, expect, it } from 'vitest';
import type { Handler, Queue } from '../queue/port.ts';
import { createDispatch } from './dispatch.ts';
import { startControllers } from './start.ts';

function started() {
  let work: Handler = () => Promise.reject(new Error('not started'));
  const queue = {
    add() {},
    wakeAt() {},
    start: (handler: Handler) => {
      work = handler;
    },
  } as unknown as Queue;
  const dispatch = createDispatch(queue);
  dispatch.start(1);
  return { dispatch, work: (key: string) => work(key, ['change']) };
}

describe('createDispatch', () => {
  it('hands each key to its controller, without the prefix', async () => {
    const { dispatch, work } = started();
    const seen: string[] = [];
    dispatch.rollouts.handle(async (key) => void seen.push(`rollout ${key}`));
    dispatch.experiments.handle(async (key) => void seen.push(`experiment ${key}`));
    await work('shop/web');
    await work('experiment:shop/slow');
    expect(seen).toEqual(['rollout shop/web', 'experiment shop/slow']);
  });

  it('lets the queue try a key again until its controller has begun', async () => {
    const { dispatch, work } = started();
    await expect(work('schedule:shop/nightly')).rejects.toMatchObject({ class: 'NotReadyError', code: 'NOT_SYNCED' });
    dispatch.schedules.handle(async () => {});
    await expect(work('schedule:shop/nightly')).resolves.toBeUndefined();
  });
});

describe('startControllers', () => {
  it('works Rollouts although the controllers of chaos wait for ever', async () => {
    const order: string[] = [];
    const note = (what: string) => async () => void order.push(what);
    const never = (what: string) => ({
      start: () => {
        order.push(what);
        return new Promise<void>(() => {});
      },
    });
    await startControllers(
      {
        rollouts: { start: note('rollouts') },
        chaos: [never('experiments'), never('schedules')],
        sampler: { start: () => void order.push('sampler') },
        dispatch: { start: () => void order.push('dispatch') },
        workers: 1,
        onFailure: note('failure'),
      },
      new AbortController().signal,
    );
    expect(order).toEqual(['rollouts', 'experiments', 'schedules', 'sampler', 'dispatch']);
  });

  it('tells of a controller of chaos that fails, unless the process stops', async () => {
    const failures: unknown[] = [];
    const stop = new AbortController();
    const start = (chaos: { start(): Promise<void> }) =>
      startControllers(
        {
          ...{ rollouts: { start: async () => {} }, chaos: [chaos], sampler: { start() {} }, dispatch: { start() {} } },
          ...{ workers: 1, onFailure: (error) => failures.push(error) },
        },
        stop.signal,
      );
    await start({ start: () => Promise.reject(new Error('broken')) });
    await Promise.resolve();
    expect(failures).toEqual([new Error('broken')]);
    stop.abort();
    await start({ start: () => Promise.reject(new Error('stopped')) });
    await Promise.resolve();
    expect(failures).toHaveLength(1);
  });
});
