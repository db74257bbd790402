import { client } from '../kube/imports-reconcile.ts';

export const decide = client;
