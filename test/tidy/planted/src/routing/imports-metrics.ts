import { driver } from '../metrics/sampler.ts';

export const router = driver;
