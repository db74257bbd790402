import { describe, expect, it } from 'vitest';
import { CataloguedSource } from '../../test/support/catalogued-source.ts';
import { Callers } from '../../test/support/metrics-source.ts';
import { SteppedClock } from '../../test/support/stepped-clock.ts';
import { AppError } from '../lib/errors.ts';
import { FLOWS_QUERY, flowsOf } from './flows.ts';
import { createQuestions } from './questions.ts';

const ALERTS = 'ALERTS{alertstate="firing"}';

function world() {
  const clock = new SteppedClock(1_000_000);
  const source = new CataloguedSource(clock);
  const questions = createQuestions({ clock, clientOf: () => source });
  let news = 0;
  questions.onAnswer(() => (news += 1));
  const asked: string[] = [];
  source.fails = ({ selector }) => {
    asked.push(selector);
    return undefined;
  };
  return { clock, source, questions, asked, news: () => news };
}

describe('a question', () => {
  it('is unknown until it is answered, and asked on a slow beat however often somebody wants it', async () => {
    const { clock, source, questions, asked, news } = world();
    source.answers.set(ALERTS, [{ labels: { alertname: 'Down' }, value: 1 }]);
    expect(questions.ask(ALERTS).state).toBe('unknown');
    await clock.advance(0);
    expect(questions.ask(ALERTS)).toMatchObject({ state: 'known', samples: [{ labels: { alertname: 'Down' } }] });
    for (let second = 0; second < 30; second += 1) {
      questions.ask(ALERTS);
      await clock.advance(1_000);
    }
    expect(asked).toHaveLength(2);
    expect(news()).toBe(1);
    source.answers.delete(ALERTS);
    questions.ask(ALERTS);
    await clock.advance(0);
    expect(questions.ask(ALERTS)).toEqual({ state: 'known', samples: [] });
    expect(news()).toBe(2);
  });

  it('is news again where nobody has asked for so long that it was not known any more', async () => {
    const { clock, questions, news } = world();
    questions.ask(ALERTS);
    await clock.advance(0);
    expect(news()).toBe(1);
    await clock.advance(31_000);
    // Who looks only every half minute is told now, or would find an old answer at each look.
    expect(questions.ask(ALERTS).state).toBe('unknown');
    await clock.advance(0);
    expect(questions.ask(ALERTS).state).toBe('known');
    expect(news()).toBe(2);
  });

  it('is unknown where the source is down, or answers in part, or was not asked for long', async () => {
    const { clock, source, questions } = world();
    source.fails = () => new AppError('TransientError', 'METRICS_UNREACHABLE', 'Prometheus: connection refused');
    questions.ask('up');
    await clock.advance(0);
    expect(questions.ask('up')).toEqual({ state: 'unknown', message: 'Prometheus: connection refused' });
    source.fails = undefined;
    source.warnings = ['a store did not answer'];
    questions.ask('absent(up)');
    await clock.advance(0);
    expect(questions.ask('absent(up)')).toMatchObject({ message: expect.stringContaining('a store did not answer') });
    source.warnings = [];
    await clock.advance(15_000);
    questions.ask('up');
    await clock.advance(0);
    expect(questions.ask('up').state).toBe('known');
    await clock.advance(31_000);
    expect(questions.ask('up').state).toBe('unknown');
  });

  it('about flows says who calls whom', async () => {
    const { clock, source, questions } = world();
    const callers = new Callers(source);
    for (const at of [0, 10_000]) {
      callers.serve('web', 'checkout.shop', at === 0 ? 5 : 50);
      callers.scrape('web', clock.now() + at);
    }
    await clock.advance(10_000);
    questions.ask(FLOWS_QUERY);
    await clock.advance(0);
    expect(flowsOf(questions.ask(FLOWS_QUERY))).toEqual([
      { from: { namespace: 'shop', workload: 'web' }, to: { namespace: 'shop', host: 'checkout' }, perSecond: 5 },
    ]);
  });
});
