import type { AnnounceCommand } from '../../../machines/rollout/announcements.ts';
import type { Route } from '../../../machines/rollout/facts.ts';
import type { Rollout } from '../../api/rollout.ts';
import type { EventRecorder } from '../../telemetry/events.ts';
import type { Log } from '../../telemetry/log.ts';
import { keyOf } from '../key.ts';
import { isWorthAnEvent } from './trouble.ts';

/** Where users are told what happened. */
export interface TellingPorts {
  readonly events: EventRecorder;
  readonly log: Log;
}

/** What the machine has to say. */
export function announce(ports: TellingPorts, rollout: Rollout, announcements: readonly AnnounceCommand[]): void {
  for (const { severity, reason, message } of announcements) {
    ports.log.info({ rollout: keyOf(rollout), reason, detail: message }, 'rollout changed');
    ports.events.record(rollout, { type: severity, reason, message });
  }
}

/** What is wrong at rest: once, when the Rollout gets into it. */
export function tellTrouble(ports: TellingPorts, before: Rollout, after: Rollout): void {
  const { reason, message = '' } = readyOf(after) ?? {};
  if (reason === undefined || !isWorthAnEvent(reason) || readyOf(before)?.reason === reason) return;
  ports.log.info({ rollout: keyOf(after), reason, detail: message }, 'rollout in trouble');
  ports.events.record(after, { type: 'Warning', reason, message });
}

const readyOf = ({ status }: Rollout) => status?.conditions?.find(({ type }) => type === 'Ready');

/** What may be a mistake in the objectives of a release that begins all the same. */
export function warn(ports: TellingPorts, rollout: Rollout, warnings: readonly string[]): void {
  for (const message of warnings)
    ports.events.record(rollout, { type: 'Warning', reason: 'ObjectiveDoubtful', message });
}

/** Somebody else's change is lost. */
export function warnReplaced(ports: TellingPorts, rollout: Rollout, route: Route): void {
  const message = `a route changed by somebody else was replaced: ${JSON.stringify(route)}`;
  ports.log.warn({ rollout: keyOf(rollout), route }, 'foreign route replaced');
  ports.events.record(rollout, { type: 'Warning', reason: 'ForeignRouteReplaced', message });
}
