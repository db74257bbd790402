import { lab } from '../../lab/lab.ts';

export const place = lab;
