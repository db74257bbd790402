import { randomUUID } from 'node:crypto';

/** The only source of randomness outside tests: a number from 0 up to, but not including, 1. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();

/** A name that no other process and no other call gets. */
export const uniqueId = (): string => randomUUID();
