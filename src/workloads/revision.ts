import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { canonicalJson } from '../lib/canonical-json.ts';
import type { Deployment, PodTemplate, ReplicaSet } from './objects.ts';

/** The label by which Kubernetes tells the pods of one ReplicaSet from those of another. */
export const HASH_LABEL = 'pod-template-hash';

/** Kubernetes' own alphabet for such hashes: no vowels, so that no words come out. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const HASH_LENGTH = 10;

/** The revision of a ReplicaSet, or undefined for one that no Deployment-like controller made. */
export function revisionOfReplicaSet(replicaSet: ReplicaSet): string | undefined {
  return replicaSet.metadata.labels?.[HASH_LABEL] ?? replicaSet.spec.template.metadata?.labels?.[HASH_LABEL];
}

/**
 * The revision of a Deployment's present template: that of the ReplicaSet which already has this template, else a hash of ours.
 * Comparing templates instead of hashes keeps a revision's name when a Kubernetes upgrade adds defaults to both. `preferred` names the
 * revisions to look at first, because an old ReplicaSet may have the same template as the one in use. One that is our own name of this
 * template counts although its ReplicaSet is gone: what was taken back keeps its name when the Deployment makes a ReplicaSet of it.
 */
export function revisionOfTemplate(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
  preferred: readonly (string | null | undefined)[],
): string {
  const wanted = withoutHash(deployment.spec.template);
  const same = replicaSets
    .filter((replicaSet) => isDeepStrictEqual(withoutHash(replicaSet.spec.template), wanted))
    .map(revisionOfReplicaSet)
    .filter((revision) => revision !== undefined);
  const own = hashOf(wanted);
  return (
    preferred.find((revision): revision is string => revision != null && [...same, own].includes(revision)) ??
    same[0] ??
    own
  );
}

/** A pod template without the label that only the copies in ReplicaSets carry. */
export function withoutHash(template: PodTemplate): PodTemplate {
  const { metadata, ...rest } = template;
  if (metadata?.labels?.[HASH_LABEL] === undefined) return template;
  const { [HASH_LABEL]: _, ...labels } = metadata.labels;
  return { metadata: { ...metadata, labels }, ...rest };
}

/** Ten characters that depend on the template's content and on nothing else, not even the order of its keys. */
export function hashOf(template: PodTemplate): string {
  const digest = createHash('sha256').update(canonicalJson(template)).digest();
  return Array.from(digest.subarray(0, HASH_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
}
