import type { Evidence, Sampler, Subject } from '../../metrics/port.ts';
import type { Subjects } from '../../plan/subjects.ts';

/** Separates the key of a Rollout from the name of one of its objectives. */
const SEPARATOR = '#';

/** Keeps the sampler following what each release needs, and nothing else. */
export interface Following {
  /** Follows what is to be followed for a Rollout; what was followed for it before and is not named is let go. */
  follow(rollout: string, subjects: FollowedSubjects): FollowedRelease;
  unfollow(rollout: string): void;
}

/** What a release needs, and what a gate that is tried needs beside it. */
export interface FollowedSubjects extends Subjects {
  readonly trial: Subject | null;
}

/** What is known of a release and of each of its objectives, in the order of the spec. */
export interface FollowedRelease {
  readonly release: Evidence;
  readonly objectives: readonly { readonly name: string; readonly evidence: Evidence }[];
  /** Null where no gate is tried. */
  readonly trial: Evidence | null;
}

export function createFollowing(sampler: Sampler): Following {
  const followed = new Map<string, ReadonlySet<string>>();
  return {
    follow(rollout, { release, objectives, trial }) {
      // No objective has such a name.
      const trialKey = `${rollout}${SEPARATOR}${SEPARATOR}trial`;
      const keyOf = ({ name, isRelease }: Subjects['objectives'][number]) =>
        isRelease ? rollout : `${rollout}${SEPARATOR}${name}`;
      const wanted = new Map([...objectives.map((own) => [keyOf(own), own.subject] as const), [rollout, release]]);
      if (trial !== null) wanted.set(trialKey, trial);
      for (const key of followed.get(rollout) ?? []) if (!wanted.has(key)) sampler.unfollow(key);
      for (const [key, subject] of wanted) sampler.follow(key, subject);
      followed.set(rollout, new Set(wanted.keys()));
      return {
        release: sampler.read(rollout),
        trial: trial === null ? null : sampler.read(trialKey),
        objectives: objectives.map((own) => ({ name: own.name, evidence: sampler.read(keyOf(own)) })),
      };
    },
    unfollow(rollout) {
      for (const key of followed.get(rollout) ?? [rollout]) sampler.unfollow(key);
      followed.delete(rollout);
    },
  };
}

/** The key of the Rollout that a key of the sampler belongs to. */
export function rolloutOf(key: string): string {
  return key.split(SEPARATOR)[0] ?? key;
}

const BADNESS: Readonly<Record<Evidence['state'], number>> = { fresh: 0, starting: 1, stale: 2, down: 3 };

/** The worst of a release's evidence, with its message: nothing is decided while a part of it is missing. */
export function worstEvidence({
  release,
  objectives,
}: Pick<FollowedRelease, 'release' | 'objectives'>): Pick<Evidence, 'state' | 'message' | 'lacks'> {
  const all = [
    { state: release.state, message: release.message },
    ...objectives.map(({ name, evidence: { state, message } }) => ({ state, message: `${name}: ${message}` })),
  ];
  const worst = all.reduce((worst, one) => (BADNESS[one.state] > BADNESS[worst.state] ? one : worst));
  const lacks = release.lacks ?? objectives.find(({ evidence }) => evidence.lacks !== undefined)?.evidence.lacks;
  return { ...worst, ...(lacks !== undefined && { lacks }) };
}
