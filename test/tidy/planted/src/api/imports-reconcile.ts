import { read } from '../reconcile/reconciler.ts';

export const kind = read;
