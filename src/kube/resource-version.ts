const NUMBER = /^(0|[1-9][0-9]*)$/;

/**
 * True when `a` is later than `b`. Kubernetes 1.35 declares resource versions of one resource comparable as decimal numbers of
 * any size; those of a server that does not follow it count as later whenever they differ.
 */
export function isLater(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined || !NUMBER.test(a) || !NUMBER.test(b)) return a !== b;
  return a.length === b.length ? a > b : a.length > b.length;
}
