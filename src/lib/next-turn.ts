/** Resolves once everybody who was waiting has had a turn: awaited between pieces of long work, it keeps nobody waiting for all of it. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
