import { rolloutSchema, specSchema } from './rollout.ts';
import { VALIDATIONS } from './rule.ts';
import { statusSchema } from './status.ts';
import { type StructuralSchema, toStructuralSchema } from './structural-schema.ts';

const GROUP = 'sluice.dev';
const VERSION = 'v1alpha1';

const rolloutColumns = [
  { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
  { name: 'Step', type: 'integer', jsonPath: '.status.step.index' },
  { name: 'Weight', type: 'number', jsonPath: '.status.weight.applied' },
  { name: 'Canary', type: 'string', jsonPath: '.status.canary.revision' },
  { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

/** Schema of the whole Rollout, as it stands in the CustomResourceDefinition. */
export function rolloutStructuralSchema(): StructuralSchema {
  const meta = rolloutSchema.meta();
  return {
    description: meta?.description ?? '',
    type: 'object',
    required: ['spec'],
    [VALIDATIONS]: meta?.[VALIDATIONS],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: toStructuralSchema(specSchema),
      status: toStructuralSchema(statusSchema),
    },
  };
}

/** The CustomResourceDefinition of the kind Rollout, as a plain object. */
export function rolloutCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `rollouts.${GROUP}` },
    spec: {
      group: GROUP,
      names: {
        kind: 'Rollout',
        listKind: 'RolloutList',
        plural: 'rollouts',
        singular: 'rollout',
        shortNames: ['slr'],
        categories: ['sluice'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: rolloutColumns,
          schema: { openAPIV3Schema: rolloutStructuralSchema() },
        },
      ],
    },
  };
}
