import { createInspector, type Inspector } from './inspector.ts';
import type { Sampler, SourceRef, Subject } from './port.ts';
import type { MetricsClient } from './provider.ts';
import { createQuestions, type Questions } from './questions.ts';
import { createReopening, type OpenSource } from './reopening.ts';
import { createSampler, type SamplerOptions } from './sampler.ts';

export interface SourcesOptions {
  /** For what names no source. */
  readonly own: MetricsClient;
  readonly open: OpenSource;
  /** For each sampler. */
  readonly sampler: Omit<SamplerOptions, 'provider'>;
}

/** Everything that is read from metrics sources, whichever they are. */
export interface Sources {
  readonly sampler: Sampler;
  readonly inspector: Inspector;
  readonly questions: Questions;
}

/**
 * One sampler in front of one for each source. A source that cannot be opened is evidence `down` with the reason, and is tried again. An
 * edited MetricsSource or Secret takes effect within seconds: other credentials without a gap, another place by reading the evidence anew.
 */
export function createSources(options: SourcesOptions): Sources {
  const sources = new ManySources(options);
  const { clock, maxSkewMs } = options.sampler;
  const inspector = createInspector({
    clock,
    clientOf: (ref) => sources.clientOf(ref),
    ...(maxSkewMs !== undefined && { maxSkewMs }),
  });
  const questions = createQuestions({ clock, clientOf: (ref) => sources.clientOf(ref) });
  return { sampler: sources, inspector, questions };
}

interface Source {
  readonly client: MetricsClient;
  readonly followed: Map<string, Subject>;
  sampler: Sampler;
  abort: AbortController;
}

/** Its samplers are made with the first key that is followed there and stopped with the last one. */
class ManySources implements Sampler {
  readonly #options: SourcesOptions;
  readonly #sources = new Map<string, Source>();
  /** Name of the source for each followed key. */
  readonly #keys = new Map<string, string>();
  readonly #listeners: ((key: string) => void)[] = [];
  #signal: AbortSignal | undefined;

  constructor(options: SourcesOptions) {
    this.#options = options;
  }

  follow(key: string, subject: Subject): void {
    const name = nameOf(subject.source);
    if (this.#keys.get(key) !== name) this.unfollow(key);
    this.#keys.set(key, name);
    const source = this.#sources.get(name) ?? this.#add(name, subject.source);
    source.followed.set(key, subject);
    source.sampler.follow(key, subject);
  }

  unfollow(key: string): void {
    const name = this.#keys.get(key);
    const source = name === undefined ? undefined : this.#sources.get(name);
    if (name === undefined || source === undefined) return;
    this.#keys.delete(key);
    source.followed.delete(key);
    source.sampler.unfollow(key);
    if (source.followed.size > 0) return;
    source.abort.abort();
    this.#sources.delete(name);
  }

  read(key: string): ReturnType<Sampler['read']> {
    const sampler = this.#samplerOf(key);
    return (
      sampler?.read(key) ?? { state: 'starting', message: `${key} is not followed`, lastSampleAt: null, batches: [] }
    );
  }

  traffic(key: string, from: number): ReturnType<Sampler['traffic']> {
    return this.#samplerOf(key)?.traffic(key, from);
  }

  onEvidence(listener: (key: string) => void): void {
    this.#listeners.push(listener);
  }

  start(signal: AbortSignal): void {
    this.#signal = signal;
    for (const source of this.#sources.values()) this.#start(source);
  }

  /** A client for the source; one that is followed is asked through the same. */
  clientOf(ref: SourceRef | undefined): MetricsClient {
    return this.#sources.get(nameOf(ref))?.client ?? this.#clientFor(ref, () => undefined);
  }

  #samplerOf(key: string): Sampler | undefined {
    return this.#sources.get(this.#keys.get(key) ?? '')?.sampler;
  }

  #clientFor(ref: SourceRef | undefined, onMoved: () => void): MetricsClient {
    const { own, open, sampler } = this.#options;
    return ref === undefined ? own : createReopening({ ref, open, clock: sampler.clock, onMoved });
  }

  #add(name: string, ref: SourceRef | undefined): Source {
    const client = this.#clientFor(ref, () => this.#renew(source));
    const source: Source = {
      client,
      followed: new Map(),
      sampler: this.#samplerFor(client),
      abort: new AbortController(),
    };
    this.#sources.set(name, source);
    this.#start(source);
    return source;
  }

  /** Reads all evidence anew: series of another place must not be added to what was counted. */
  #renew(source: Source): void {
    source.abort.abort();
    source.abort = new AbortController();
    source.sampler = this.#samplerFor(source.client);
    for (const [key, subject] of source.followed) source.sampler.follow(key, subject);
    this.#start(source);
  }

  #samplerFor(provider: MetricsClient): Sampler {
    const sampler = createSampler({ ...this.#options.sampler, provider });
    sampler.onEvidence((key) => {
      if (this.#samplerOf(key) !== sampler) return;
      for (const listener of this.#listeners) listener(key);
    });
    return sampler;
  }

  #start({ sampler, abort }: Source): void {
    if (this.#signal !== undefined) sampler.start(AbortSignal.any([this.#signal, abort.signal]));
  }
}

function nameOf(ref: SourceRef | undefined): string {
  return ref === undefined ? '' : `${ref.namespace}/${ref.name}`;
}
