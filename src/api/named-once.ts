import type { z } from 'zod';

/** A list of things with names, none of which is there twice; `one` is what a message calls them. */
export function namedOnce<S extends z.ZodType<readonly { readonly name: string }[]>>(list: S, one = 'one'): S {
  return (
    list
      // The API server sees this by the list's map keys.
      .superRefine((things, context) => {
        for (const [index, { name }] of things.entries()) {
          if (things.findIndex((other) => other.name === name) === index) continue;
          const message = `Duplicate value: another ${one} is named ${name} too; rename one of them`;
          context.addIssue({ code: 'custom', path: [index], message });
        }
      })
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
  );
}
