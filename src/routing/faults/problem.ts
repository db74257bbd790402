import type { FaultProblem } from './port.ts';

export function refuse(reason: string, message: string): FaultProblem {
  return { severity: 'refuse', reason, message };
}

export function warn(reason: string, message: string): FaultProblem {
  return { severity: 'warn', reason, message };
}
