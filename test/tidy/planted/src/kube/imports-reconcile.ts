import { read } from '../reconcile/reconciler.ts';

export const client = read;
