import type { Clock } from '../lib/clock.ts';
import { isAppError } from '../lib/errors.ts';
import type { SourceRef } from './port.ts';
import type { InstantSample, MetricsClient } from './provider.ts';

/** What a source says to a query. `unknown`: not asked yet, or it gave no whole answer; `message` says which. */
export type Answer =
  | { readonly state: 'known'; readonly samples: readonly InstantSample[] }
  | { readonly state: 'unknown'; readonly message: string };

/** Queries that are asked again and again on a slow beat, whoever wants the answer and however often. */
export interface Questions {
  /** What is known now, at most half a minute old; asks in the background where nothing is, or where it is older than 15 s. */
  ask(promql: string, source?: SourceRef): Answer;
  /** Called when a question is answered otherwise than before: with something instead of nothing, or no longer at all. */
  onAnswer(listener: () => void): void;
}

export interface QuestionsOptions {
  readonly clientOf: (ref: SourceRef | undefined) => Pick<MetricsClient, 'name' | 'query'>;
  readonly clock: Clock;
}

/** How often a question is asked that somebody waits for. */
const ASK_AGAIN_MS = 15_000;
/** Nothing is decided by an answer that is older. */
const LONGEST_AGE_MS = 30_000;
/** A question that nobody has asked for so long is forgotten. */
const FORGET_MS = 120_000;

interface Question {
  answer: Answer;
  answeredAt: number;
  askedAt: number;
  wantedAt: number;
  isOpen: boolean;
}

const NOT_YET: Answer = { state: 'unknown', message: 'the metrics source is being asked' };

export function createQuestions({ clientOf, clock }: QuestionsOptions): Questions {
  const questions = new Map<string, Question>();
  const listeners: (() => void)[] = [];

  /** What was told of it until now: an old answer is none. */
  const told = ({ answer, answeredAt }: Question): Answer =>
    clock.now() - answeredAt > LONGEST_AGE_MS ? NOT_YET : answer;

  const put = async (question: Question, promql: string, source: SourceRef | undefined): Promise<void> => {
    question.isOpen = true;
    question.askedAt = clock.now();
    const answer = await answerOf(clientOf(source), promql);
    const isNews = kindOf(answer) !== kindOf(told(question));
    Object.assign(question, { answer, answeredAt: clock.now(), isOpen: false });
    if (isNews) for (const listener of listeners) listener();
  };

  return {
    ask(promql, source) {
      const now = clock.now();
      for (const [key, { wantedAt }] of questions) if (now - wantedAt > FORGET_MS) questions.delete(key);
      const key = JSON.stringify([promql, source?.namespace, source?.name]);
      const question = questions.get(key) ?? {
        ...{ answer: NOT_YET, answeredAt: now, isOpen: false },
        ...{ askedAt: Number.NEGATIVE_INFINITY, wantedAt: now },
      };
      questions.set(key, question);
      question.wantedAt = now;
      if (!question.isOpen && now - question.askedAt >= ASK_AGAIN_MS) void put(question, promql, source);
      return told(question);
    },
    onAnswer(listener) {
      listeners.push(listener);
    },
  };
}

/** Nobody waits for it, so it never throws. What is partial is not used. */
async function answerOf(client: Pick<MetricsClient, 'name' | 'query'>, promql: string): Promise<Answer> {
  try {
    const { samples, warnings } = await client.query(promql);
    if (warnings.length === 0) return { state: 'known', samples };
    return { state: 'unknown', message: `${client.name} answers only in part: ${warnings.join('; ')}` };
  } catch (error) {
    const said = isAppError(error) ? error.details['said'] : undefined;
    const why = error instanceof Error ? error.message : String(error);
    return { state: 'unknown', message: typeof said === 'string' ? `${why}: ${said}` : why };
  }
}

function kindOf(answer: Answer): string {
  return answer.state === 'known' ? `${answer.samples.length > 0}` : answer.state;
}
