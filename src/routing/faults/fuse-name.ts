import type { KubeObject } from '../../kube/port.ts';

export function fuseName(experiment: string, number: number): string {
  return `${experiment}-fuse-${number}`;
}

/** The number in a fuse's name; undefined for another experiment's. */
export function fuseNumber(experiment: string, { metadata: { name } }: KubeObject): number | undefined {
  const prefix = `${experiment}-fuse-`;
  const number = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
