import type { Behaviour } from './behaviour.ts';

/** Port of an echo's control, on its pod's address. */
export const CONTROL_PORT = 9901;

/** Changes how the echo at `podIp` answers from now on, and returns its whole behaviour. Rejects with what is wrong with `change`. */
export async function setBehaviour(podIp: string, change: Partial<Behaviour>): Promise<Behaviour> {
  const url = `http://${podIp}:${CONTROL_PORT}/behaviour`;
  const response = await fetch(url, {
    method: 'PUT',
    body: JSON.stringify(change),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Behaviour;
}
