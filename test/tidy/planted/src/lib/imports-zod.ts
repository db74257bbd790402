import { z } from 'zod';

export const clock = z;
