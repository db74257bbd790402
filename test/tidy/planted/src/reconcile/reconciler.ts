import { KubeConfig } from '@kubernetes/client-node';

export const read = new KubeConfig();
