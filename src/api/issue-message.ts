import type { z } from 'zod';

/** What the API server says about a value that is not of the schema's shape, for the same issue seen by zod. */
export function issueMessage(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined ? 'Required value' : typeMessage([issue]);
    case 'invalid_union':
      return value === undefined ? 'Required value' : typeMessage(issue.errors.flat());
    case 'invalid_value':
      return value === undefined
        ? 'Required value'
        : `supported values: ${issue.values.map((one) => JSON.stringify(one)).join(', ')}`;
    case 'too_small':
      return limitMessage(issue.origin, { limit: issue.minimum, isIncluded: issue.inclusive !== false }, LEAST);
    case 'too_big':
      return limitMessage(issue.origin, { limit: issue.maximum, isIncluded: issue.inclusive !== false }, MOST);
    default:
      return issue.message;
  }
}

interface Wording {
  readonly included: string;
  readonly excluded: string;
  readonly text: (limit: string) => string;
  readonly list: (limit: string) => string;
}

const LEAST: Wording = {
  included: 'should be greater than or equal to',
  excluded: 'should be greater than',
  text: (limit) => `should be at least ${limit} chars long`,
  list: (limit) => `should have at least ${limit} items`,
};

const MOST: Wording = {
  included: 'should be less than or equal to',
  excluded: 'should be less than',
  text: (limit) => `Too long: may not be more than ${limit} bytes`,
  list: (limit) => `must have at most ${limit} items`,
};

interface Limit {
  readonly limit: number | bigint;
  readonly isIncluded: boolean;
}

function limitMessage(origin: string, { limit, isIncluded }: Limit, wording: Wording): string {
  if (origin === 'string') return wording.text(String(limit));
  if (origin === 'array') return wording.list(String(limit));
  return `${isIncluded ? wording.included : wording.excluded} ${limit}`;
}

function typeMessage(issues: readonly z.core.$ZodIssue[]): string {
  const expected = issues.flatMap((issue) => (issue.code === 'invalid_type' ? [issue.expected] : []));
  return `must be of type ${expected.map((type) => (type === 'int' ? 'integer' : type)).join(' or ')}`;
}
