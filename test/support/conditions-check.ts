/** A condition as any object's status may hold it. */
export interface CheckedCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly observedGeneration?: number;
}

/** The parts of an object that the rules speak of. */
export interface CheckedObject {
  readonly metadata: { readonly generation?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly CheckedCondition[];
  };
}

const REASON = /^[A-Z][A-Za-z0-9]*$/;

/**
 * Every rule of conditions that a status breaks, in words; empty where it is right. The rules are those of Flux's condition checks:
 * Ready sums up, and Reconciling and Stalled never contradict it or each other. `before` is the status that this one replaced.
 */
export function brokenConditionRules(object: CheckedObject, before?: CheckedObject): readonly string[] {
  const conditions = object.status?.conditions ?? [];
  return [
    ...conditions.flatMap((condition) => brokenByOne(condition, object.metadata.generation ?? 0)),
    ...brokenTogether(conditions),
    ...brokenByChange(conditions, before?.status?.conditions ?? []),
    ...brokenByGeneration(object),
  ];
}

function brokenByOne(condition: CheckedCondition, generation: number): readonly string[] {
  const { type, status, reason = '', message = '', lastTransitionTime = '', observedGeneration = 0 } = condition;
  return [
    !['True', 'False', 'Unknown'].includes(status) && `${type} has the status "${status}"`,
    !REASON.test(reason) && `${type} has the reason "${reason}", which is not CamelCase`,
    message === '' && `${type} has no message`,
    Number.isNaN(Date.parse(lastTransitionTime)) && `${type} has the lastTransitionTime "${lastTransitionTime}"`,
    observedGeneration > generation && `${type} is about generation ${observedGeneration} of ${generation}`,
  ].filter((rule) => rule !== false);
}

function brokenTogether(conditions: readonly CheckedCondition[]): readonly string[] {
  const types = conditions.map(({ type }) => type);
  const is = (type: string, status: string) =>
    conditions.some((condition) => condition.type === type && condition.status === status);
  return [
    new Set(types).size < types.length && `a type is there twice: ${types.join(', ')}`,
    conditions.length > 0 && !types.includes('Ready') && 'Ready is missing',
    is('Ready', 'True') && is('Stalled', 'True') && 'Ready and Stalled are both True',
    is('Ready', 'True') && is('Reconciling', 'True') && 'Ready and Reconciling are both True',
    is('Stalled', 'True') && !is('Ready', 'False') && 'Stalled is True and Ready is not False',
    is('Reconciling', 'True') && is('Stalled', 'True') && 'Reconciling and Stalled are both True',
  ].filter((rule) => rule !== false);
}

function brokenByChange(now: readonly CheckedCondition[], before: readonly CheckedCondition[]): readonly string[] {
  return now.flatMap(({ type, status, lastTransitionTime }) => {
    const old = before.find((condition) => condition.type === type);
    if (old === undefined) return [];
    if (old.status === status && old.lastTransitionTime !== lastTransitionTime)
      return [`${type} has a new lastTransitionTime but still the status ${status}`];
    return [];
  });
}

function brokenByGeneration({ metadata, status }: CheckedObject): readonly string[] {
  const { observedGeneration = 0 } = status ?? {};
  const { generation = 0 } = metadata;
  return observedGeneration > generation ? [`status is about generation ${observedGeneration} of ${generation}`] : [];
}
