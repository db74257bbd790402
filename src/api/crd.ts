import type { z } from 'zod';
import { chaosExperimentSchema, chaosExperimentSpecSchema } from './chaos-experiment.ts';
import { chaosExperimentStatusSchema } from './chaos-experiment-status.ts';
import { chaosScheduleSchema, chaosScheduleSpecSchema, chaosScheduleStatusSchema } from './chaos-schedule.ts';
import { metricsSourceSchema, metricsSourceSpecSchema } from './metrics-source.ts';
import { rolloutSchema, specSchema } from './rollout.ts';
import { VALIDATIONS } from './rule.ts';
import { safetyPolicySchema, safetyPolicySpecSchema } from './safety-policy.ts';
import { serviceLevelObjectiveSchema, serviceLevelObjectiveSpecSchema } from './service-level-objective.ts';
import { statusSchema } from './status.ts';
import { type StructuralSchema, toStructuralSchema } from './structural-schema.ts';

const GROUP = 'sluice.dev';
const VERSION = 'v1alpha1';

interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly jsonPath: string;
  /** 1: only with `kubectl get --output wide`. */
  readonly priority?: number;
}

interface CustomKind {
  readonly kind: string;
  readonly singular: string;
  readonly plural: string;
  readonly shortName: string;
  /** Of the cluster as a whole, not of a namespace. Default false. */
  readonly isOfCluster?: boolean;
  readonly columns: readonly Column[];
  /** The whole object, for its description and rules. */
  readonly object: z.ZodType;
  readonly spec: z.ZodType;
  readonly status?: z.ZodType;
}

const AGE: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

const rollout: CustomKind = {
  kind: 'Rollout',
  singular: 'rollout',
  plural: 'rollouts',
  shortName: 'slr',
  columns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Step', type: 'integer', jsonPath: '.status.step.index' },
    { name: 'Weight', type: 'number', jsonPath: '.status.weight.applied' },
    { name: 'Canary', type: 'string', jsonPath: '.status.canary.revision' },
    { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
    AGE,
  ],
  object: rolloutSchema,
  spec: specSchema,
  status: statusSchema,
};

const serviceLevelObjective: CustomKind = {
  kind: 'ServiceLevelObjective',
  singular: 'servicelevelobjective',
  plural: 'servicelevelobjectives',
  shortName: 'slo',
  columns: [
    { name: 'Success', type: 'number', jsonPath: '.spec.requests.successRatio' },
    { name: 'Under', type: 'string', jsonPath: '.spec.requests.under' },
    { name: 'Fast', type: 'number', jsonPath: '.spec.requests.ratio' },
    { name: 'Counters', type: 'number', jsonPath: '.spec.prometheus.ratio' },
    { name: 'Description', type: 'string', jsonPath: '.spec.description', priority: 1 },
    AGE,
  ],
  object: serviceLevelObjectiveSchema,
  spec: serviceLevelObjectiveSpecSchema,
};

const metricsSource: CustomKind = {
  kind: 'MetricsSource',
  singular: 'metricssource',
  plural: 'metricssources',
  shortName: 'slms',
  columns: [
    { name: 'Address', type: 'string', jsonPath: '.spec.address' },
    { name: 'Tenant', type: 'string', jsonPath: '.spec.tenant' },
    AGE,
  ],
  object: metricsSourceSchema,
  spec: metricsSourceSpecSchema,
};

const chaosExperiment: CustomKind = {
  kind: 'ChaosExperiment',
  singular: 'chaosexperiment',
  plural: 'chaosexperiments',
  shortName: 'slx',
  columns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Verdict', type: 'string', jsonPath: '.status.verdict' },
    { name: 'Dose', type: 'number', jsonPath: '.status.dose.written' },
    { name: 'Target', type: 'string', jsonPath: '.spec.target.service.name' },
    { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
    AGE,
  ],
  object: chaosExperimentSchema,
  spec: chaosExperimentSpecSchema,
  status: chaosExperimentStatusSchema,
};

const chaosSchedule: CustomKind = {
  kind: 'ChaosSchedule',
  singular: 'chaosschedule',
  plural: 'chaosschedules',
  shortName: 'slxs',
  columns: [
    { name: 'Schedule', type: 'string', jsonPath: '.spec.schedule' },
    { name: 'Suspend', type: 'boolean', jsonPath: '.spec.suspend' },
    { name: 'Last', type: 'date', jsonPath: '.status.lastTick' },
    { name: 'Next', type: 'string', jsonPath: '.status.nextTick' },
    { name: 'Run', type: 'string', jsonPath: '.status.lastRun' },
    { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
    AGE,
  ],
  object: chaosScheduleSchema,
  spec: chaosScheduleSpecSchema,
  status: chaosScheduleStatusSchema,
};

const safetyPolicy: CustomKind = {
  kind: 'SafetyPolicy',
  singular: 'safetypolicy',
  plural: 'safetypolicies',
  shortName: 'slsp',
  isOfCluster: true,
  columns: [
    { name: 'Halt', type: 'boolean', jsonPath: '.spec.halt' },
    { name: 'Freeze', type: 'boolean', jsonPath: '.spec.freeze' },
    { name: 'Reason', type: 'string', jsonPath: '.spec.reason' },
    AGE,
  ],
  object: safetyPolicySchema,
  spec: safetyPolicySpecSchema,
};

/** The kinds of Sluice, in the order in which docs/spec.md shows them. */
export const customKinds: readonly CustomKind[] = [
  rollout,
  serviceLevelObjective,
  metricsSource,
  chaosExperiment,
  chaosSchedule,
  safetyPolicy,
];

/** Schema of a whole object of the kind, as it stands in the CustomResourceDefinition. */
export function structuralSchemaOf({ object, spec, status }: CustomKind): StructuralSchema {
  const meta = object.meta();
  const rules = meta?.[VALIDATIONS];
  return {
    description: meta?.description ?? '',
    type: 'object',
    required: ['spec'],
    ...(rules !== undefined && { [VALIDATIONS]: rules }),
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: toStructuralSchema(spec),
      ...(status !== undefined && { status: toStructuralSchema(status) }),
    },
  };
}

/** The CustomResourceDefinition of a kind, as a plain object. */
export function crdOf(custom: CustomKind) {
  const { kind, singular, plural, shortName, columns, status } = custom;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [shortName], categories: ['sluice'] },
      scope: custom.isOfCluster === true ? 'Cluster' : 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          ...(status !== undefined && { subresources: { status: {} } }),
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: structuralSchemaOf(custom) },
        },
      ],
    },
  };
}
