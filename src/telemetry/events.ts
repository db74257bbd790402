import { createHash } from 'node:crypto';
import { kinds } from '../kube/kinds.ts';
import type { Kube, KubeObject } from '../kube/port.ts';
import type { Clock } from '../lib/clock.ts';
import { isAppError } from '../lib/errors.ts';
import type { Log } from './log.ts';

export interface RecordedEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Tells users by Kubernetes Events what happened to an object. Never fails and never makes the caller wait. */
export interface EventRecorder {
  record(regarding: KubeObject, event: RecordedEvent): void;
}

interface EventObject extends KubeObject {
  readonly eventTime: string;
  readonly [field: string]: unknown;
}

const MESSAGE_LIMIT = 1024;

/** Events of events.k8s.io/v1 in the namespace of the object; the same event of the same object and second is one Event. */
export function createEventRecorder(kube: Kube, clock: Clock, log: Log): EventRecorder {
  return {
    record(regarding, event) {
      const object = eventOf(regarding, event, clock.now());
      kube.create(kinds.event, object, { fieldManager: 'sluice' }).catch((error: unknown) => {
        // An Event is a courtesy: a repeat, a full namespace or a server that is away must not stop a release.
        if (!isAppError(error) || error.code !== 'ALREADY_EXISTS')
          log.warn({ err: error, reason: event.reason }, 'event not recorded');
      });
    },
  };
}

function eventOf(regarding: KubeObject, { type, reason, message }: RecordedEvent, at: number): EventObject {
  const { namespace = 'default', name, uid = '', resourceVersion } = regarding.metadata;
  const time = new Date(at).toISOString();
  const id = createHash('sha256')
    .update(`${uid}/${reason}/${message}/${Math.floor(at / 1000)}`)
    .digest('hex')
    .slice(0, 16);
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: `${name}.${id}`, namespace },
    eventTime: time.replace('Z', '000Z'),
    reportingController: 'sluice.dev/rollout',
    reportingInstance: 'sluice',
    action: reason,
    reason,
    type,
    note: message.slice(0, MESSAGE_LIMIT),
    regarding: {
      apiVersion: regarding.apiVersion,
      kind: regarding.kind,
      namespace,
      name,
      uid,
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
  };
}
