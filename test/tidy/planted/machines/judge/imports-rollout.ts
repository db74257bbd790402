import { isOver } from '../rollout/reads-clock.ts';

export const verdict = isOver;
