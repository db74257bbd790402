import { differences, isEqual } from '../difference.ts';
import { ownednessOf } from '../own-object.ts';
import type { ObservedRoute, Route, RouteOriginal, RouteTarget } from '../port.ts';
import { revisionServiceName, WHOLE_BP } from '../route.ts';
import type { Known, RouteObjects } from '../router.ts';
import { ownSpec, splitSpec } from './istio-split.ts';
import { servicesIn, type VirtualService, type VirtualServiceSpec } from './istio-types.ts';

/** Which of the known routes the objects express; see Router.parse. */
export function parse(
  target: RouteTarget,
  original: RouteOriginal | null,
  current: RouteObjects,
  known: Known,
): ObservedRoute {
  if (original !== null && original.adopted !== null) return parseAdopted(target, original.adopted, current, known);
  const revisions = revisionsOf(known);
  const own = current.own as VirtualService | undefined;
  if (own === undefined) return original === null || isPlainExpected(known) ? { kind: 'plain' } : deleted(target);
  const ownedness = ownednessOf(target, own);
  if (ownedness !== 'ours') {
    return {
      kind: 'foreign',
      namesRevisions: namesRevision(target, own.spec, revisions),
      message: `${quoted(own)} has the name of Sluice's own route but belongs to ${ownedness === 'foreign' ? 'somebody else' : 'another Rollout'}; rename or delete it`,
    };
  }
  // Without a release nothing is expected: say what a leftover of an earlier one does.
  const guesses = original === null ? guess(target, own.spec, known.revisions) : [];
  const routes = [...known.candidates, ...guesses].filter((route) => route.kind === 'revisions');
  const candidates = routes.map((route) => ({ route, spec: ownSpec(target, route) }));
  return match(target, own, { candidates, revisions });
}

function parseAdopted(
  target: RouteTarget,
  original: NonNullable<RouteOriginal['adopted']>,
  current: RouteObjects,
  known: Known,
): ObservedRoute {
  const adopted = current.adopted as VirtualService | undefined;
  if (adopted === undefined) {
    return {
      kind: 'foreign',
      namesRevisions: false,
      message: `VirtualService "${target.namespace}/${original.name}" was deleted during the release, ${TAKEN_AWAY}`,
    };
  }
  const revisions = revisionsOf(known);
  const user = JSON.parse(original.spec) as VirtualServiceSpec;
  if (adopted.metadata.uid === original.uid) {
    if (!isPlainExpected(known) && isEqual(adopted.spec, user)) return putBack(adopted);
    const candidates = known.candidates.map((route) => ({ route, spec: splitSpec(target, user, route) }));
    return match(target, adopted, { candidates, revisions, unedited: user });
  }
  return {
    kind: 'foreign',
    namesRevisions: namesRevision(target, adopted.spec, revisions),
    message: `${quoted(adopted)} was deleted and created anew during the release; ${cures(target)}`,
  };
}

const isPlainExpected = ({ candidates }: Known): boolean => candidates.some(({ kind }) => kind === 'plain');

/** A user's unchanged file that is applied again, by hand or by GitOps, does this; writing over it would start a fight. */
function putBack(object: VirtualService): ObservedRoute {
  return {
    kind: 'foreign',
    namesRevisions: false,
    message: `${quoted(object)} was put back to what it was before the release by somebody else, ${TAKEN_AWAY}`,
  };
}

function deleted(target: RouteTarget): ObservedRoute {
  return {
    kind: 'foreign',
    namesRevisions: false,
    message: `Sluice's own VirtualService for "${target.namespace}/${target.service}" was deleted by somebody else, ${TAKEN_AWAY}`,
  };
}

interface Candidate {
  readonly route: Route;
  readonly spec: VirtualServiceSpec;
}

interface MatchOptions {
  readonly candidates: readonly Candidate[];
  readonly revisions: readonly string[];
  /** The user's own spec: an edit may have been made to that instead of to ours. */
  readonly unedited?: VirtualServiceSpec;
}

function match(
  target: RouteTarget,
  object: VirtualService,
  { candidates, revisions, unedited }: MatchOptions,
): ObservedRoute {
  const found = candidates.find(({ spec }) => isEqual(spec, object.spec));
  if (found !== undefined) return found.route;
  // What is nearest shows the edit; the others differ by our own weights as well.
  const nearest = [...candidates.map(({ spec }) => spec), ...(unedited === undefined ? [] : [unedited])]
    .map((spec) => differences(spec, object.spec, 'spec'))
    .reduce<readonly string[]>((best, next) => (best.length === 0 || next.length < best.length ? next : best), []);
  return {
    kind: 'foreign',
    namesRevisions: namesRevision(target, object.spec, revisions),
    message: `${quoted(object)} was changed by somebody else at ${nearest[0] ?? 'spec'}; ${cures(target)}`,
  };
}

/** The route of our own that a spec seems to be; it counts only when it renders to the very same spec. */
function guess(target: RouteTarget, spec: VirtualServiceSpec, revisions: readonly string[]): readonly Route[] {
  const entries = spec.http?.[0]?.route ?? [];
  const total = entries.length === 1 ? 1 : entries.reduce((sum, { weight = 0 }) => sum + weight, 0);
  const [stable, canary] = entries.map(({ destination }) =>
    revisions.find((revision) => destination.host === revisionServiceName(target, revision)),
  );
  if (stable === undefined || entries.length > 2) return [];
  if (entries.length === 1) return [{ kind: 'revisions', stable, canary: null, canaryBp: 0 }];
  const canaryBp = ((entries[1]?.weight ?? 0) * WHOLE_BP) / total;
  return canary === undefined || !Number.isInteger(canaryBp) ? [] : [{ kind: 'revisions', stable, canary, canaryBp }];
}

/** Whether a spec sends requests to the Service of one of `revisions`. */
export function namesRevision(target: RouteTarget, spec: VirtualServiceSpec, revisions: readonly string[]): boolean {
  const names = new Set(revisions.map((revision) => revisionServiceName(target, revision)));
  return servicesIn(spec, target.namespace).some((service) => names.has(service));
}

/** Also those whose Service is gone: a route that still names one must not be taken for the user's. */
function revisionsOf({ candidates, revisions }: Known): readonly string[] {
  const named = candidates.flatMap((route) =>
    route.kind === 'plain' ? [] : [route.stable, route.canary ?? route.stable],
  );
  return [...revisions, ...named];
}

function quoted({ metadata }: VirtualService): string {
  return `VirtualService "${metadata.namespace}/${metadata.name}"`;
}

/** The plain Service selects the canary's pods too, so the release cannot go on. */
const TAKEN_AWAY =
  'so that the canary would get requests at a weight that nobody decided: leave the route to Sluice while a release is in progress, and release again';

function cures({ owner: { name } }: RouteTarget): string {
  return `undo the edit, or \`sluice resume ${name}\` to let Sluice write its route again, or \`sluice abort ${name}\``;
}
