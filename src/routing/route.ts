import { AppError } from '../lib/errors.ts';
import type { Route, RouteTarget } from './port.ts';

/** All of the traffic, in basis points. */
export const WHOLE_BP = 10_000;

/** Refuses a route that cannot be meant: an InvariantError, because a plan that asks for it is a bug of ours. */
export function checkRoute(route: Route): void {
  if (route.kind === 'plain') return;
  const { stable, canary, canaryBp } = route;
  if (!Number.isInteger(canaryBp) || canaryBp < 0 || canaryBp > WHOLE_BP) {
    throw invalidRoute(`a canary weight of ${canaryBp} basis points is not a whole number from 0 to ${WHOLE_BP}`);
  }
  if (canary === null && canaryBp !== 0)
    throw invalidRoute(`a canary weight of ${canaryBp} was given without a canary`);
  if (stable === '' || canary === '') throw invalidRoute('a revision without a name was given');
  if (stable === canary) throw invalidRoute(`stable and canary are the same revision "${stable}"`);
}

/** A revision and the share of the requests that it gets, in basis points; never 0. */
export interface Share {
  readonly revision: string;
  readonly bp: number;
}

/** The revisions that get requests, stable before canary. The shares sum to 10,000. */
export function sharesOf(route: Extract<Route, { readonly kind: 'revisions' }>): readonly Share[] {
  checkRoute(route);
  const shares: Share[] = [{ revision: route.stable, bp: WHOLE_BP - route.canaryBp }];
  if (route.canary !== null) shares.push({ revision: route.canary, bp: route.canaryBp });
  return shares.filter(({ bp }) => bp > 0);
}

/** Name of the Service (and of the host) that reaches only the pods of one revision. */
export function revisionServiceName(target: Pick<RouteTarget, 'service'>, revision: string): string {
  return `${target.service}-${revision}`;
}

function invalidRoute(message: string): AppError {
  return new AppError('InvariantError', 'ROUTE_INVALID', message);
}
