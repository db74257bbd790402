import type { Evidence, Sampler, Subject } from '../../metrics/port.ts';

/** Keeps the sampler following what each experiment needs, and remembers it: who is gone does not name its objectives any more. */
export interface Following {
  /** Follows one part of an experiment: its dose, or an objective. */
  follow(experiment: string, part: string, subject: Subject): Evidence;
  /** Lets go of all that is followed for an experiment. */
  unfollow(experiment: string): void;
}

const PREFIX = 'experiment:';
const SEPARATOR = '#';

export function createFollowing(sampler: Pick<Sampler, 'follow' | 'unfollow' | 'read'>): Following {
  const followed = new Map<string, Set<string>>();
  return {
    follow(experiment, part, subject) {
      const key = `${PREFIX}${experiment}${SEPARATOR}${part}`;
      sampler.follow(key, subject);
      followed.set(experiment, (followed.get(experiment) ?? new Set()).add(key));
      return sampler.read(key);
    },
    unfollow(experiment) {
      for (const key of followed.get(experiment) ?? []) sampler.unfollow(key);
      followed.delete(experiment);
    },
  };
}

/** The key of the experiment that a key of the sampler belongs to; undefined where it is another's. */
export function experimentOf(key: string): string | undefined {
  return key.startsWith(PREFIX) ? key.slice(PREFIX.length).split(SEPARATOR)[0] : undefined;
}
