import { readFileSync } from 'node:fs';

export const plan = () => readFileSync('plan.yaml', 'utf8');
