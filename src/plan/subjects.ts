import type { RolloutSpec } from '../api/rollout.ts';
import { DEFAULT_MEASURE, type Subject } from '../metrics/port.ts';
import { type Goal, goalsOf } from './goal.ts';

/** Where a release takes place. */
export interface Place {
  readonly namespace: string;
  readonly stable: string;
  readonly canary: string;
  /** When the canary was first given weight, in ms; null before. */
  readonly since: number | null;
}

/** What is to be followed for one release. */
export interface Subjects {
  /** The release itself: for the split of the traffic and the count of failures, and for the objective that counts the same. */
  readonly release: Subject;
  /** One per objective, in the order of the spec; `isRelease` where its evidence is that of the release itself. */
  readonly objectives: readonly ObjectiveSubject[];
}

export interface ObjectiveSubject {
  readonly name: string;
  readonly isRelease: boolean;
  readonly subject: Subject;
}

/** What is to be followed, from a spec whose references were resolved. Pure. */
export function subjectsOf(spec: RolloutSpec, place: Place): Subjects {
  const goals = goalsOf(spec);
  const first = goals.find(({ measure }) => measure.kind === 'requests');
  const source = spec.analysis.sourceRef?.name ?? null;
  return {
    release: subjectOf(spec, place, { measure: first?.measure ?? DEFAULT_MEASURE, source }),
    objectives: goals.map((goal) => ({
      name: goal.name,
      isRelease: goal === first,
      subject: subjectOf(spec, place, goal),
    })),
  };
}

function subjectOf(spec: RolloutSpec, place: Place, { measure, source }: Pick<Goal, 'measure' | 'source'>): Subject {
  const { namespace } = place;
  return {
    ...place,
    service: spec.service.name,
    measure,
    ...(source !== null && { source: { namespace, name: source } }),
  };
}
