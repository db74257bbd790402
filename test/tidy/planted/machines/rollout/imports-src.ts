import { seed } from '../../src/plan.ts';

export const decide = () => seed;
