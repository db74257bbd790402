import type { KubeObject } from '../kube/port.ts';
import type { EvidenceRecord } from './record.ts';

/** The part of a ConfigMap that matters here. */
export interface ConfigMap extends KubeObject {
  /** Values in base64. */
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** Under which key of the ConfigMap the record is. */
export const RECORD_KEY = 'record.json.gz';

const ROLLOUT_LABEL = 'sluice.dev/rollout';
const CONTENT_LABEL = 'sluice.dev/content';
const CONTENT = 'evidence';
const REVISION = 'sluice.dev/revision';
const STARTED_AT = 'sluice.dev/started-at';
const OUTCOME = 'sluice.dev/outcome';

/** What a ConfigMap says of its record without unpacking it. */
export interface EvidenceSummary {
  readonly rolloutUid: string | undefined;
  readonly revision: string;
  /** In ms. */
  readonly startedAt: number;
  /** `Promoted`, `RolledBack` and so on, or `InProgress`. */
  readonly outcome: string;
}

/** Selects the ConfigMaps with the evidence of one Rollout. */
export function evidenceSelector(rollout: string): string {
  return `${ROLLOUT_LABEL}=${rollout},${CONTENT_LABEL}=${CONTENT}`;
}

/** Name of the ConfigMap with the evidence of one release. A revision that is released again takes its place. */
export function evidenceName({ rollout, revision }: EvidenceRecord): string {
  return `${rollout.name}-evidence-${revision}`;
}

/** The ConfigMap that holds the record: it belongs to the Rollout and is deleted with it. */
export function evidenceConfigMap(record: EvidenceRecord, bytes: Buffer): ConfigMap {
  const { rollout, revision, startedAt, outcome } = record;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: evidenceName(record),
      namespace: rollout.namespace,
      labels: { [ROLLOUT_LABEL]: rollout.name, [CONTENT_LABEL]: CONTENT },
      annotations: {
        [REVISION]: revision,
        [STARTED_AT]: new Date(startedAt).toISOString(),
        [OUTCOME]: outcome?.kind ?? IN_PROGRESS,
      },
      // It must not keep anybody from deleting the Rollout.
      ownerReferences: [
        { apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', name: rollout.name, uid: rollout.uid, controller: true },
      ],
    },
    binaryData: { [RECORD_KEY]: bytes.toString('base64') },
  };
}

const IN_PROGRESS = 'InProgress';

/** Null where it holds no record. */
export function summaryOf({ metadata, binaryData }: ConfigMap): EvidenceSummary | null {
  const { annotations = {}, labels = {}, ownerReferences = [] } = metadata;
  const [revision, startedAt] = [annotations[REVISION], Date.parse(annotations[STARTED_AT] ?? '')];
  const isRecord = labels[CONTENT_LABEL] === CONTENT && binaryData?.[RECORD_KEY] !== undefined;
  if (!isRecord || revision === undefined || Number.isNaN(startedAt)) return null;
  const rolloutUid = ownerReferences.find(({ kind }) => kind === 'Rollout')?.uid;
  return { rolloutUid, revision, startedAt, outcome: annotations[OUTCOME] ?? IN_PROGRESS };
}
