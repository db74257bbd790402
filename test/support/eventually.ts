/**
 * Waits until `condition` holds (returns something other than false, null or undefined) and returns that. Fails with what was
 * waited for and what `lastSeen` says once `withinMs` (default 10 000) have passed.
 */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: { readonly withinMs?: number; readonly lastSeen?: () => unknown } = {},
): Promise<NonNullable<T>> {
  const { withinMs = 10_000, lastSeen } = options;
  const deadline = performance.now() + withinMs;
  for (;;) {
    const got = await condition();
    if (got !== false && got !== null && got !== undefined) return got as NonNullable<T>;
    if (performance.now() > deadline) {
      const seen = lastSeen === undefined ? '' : `; last seen: ${JSON.stringify(lastSeen())}`;
      throw new Error(`waited ${withinMs} ms for: ${what}${seen}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
