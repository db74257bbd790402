/** Paths at which two JSON values differ, in document order, as `spec.http[1].timeout`; empty where they are equal. */
export function differences(expected: unknown, actual: unknown, path = ''): readonly string[] {
  if (Object.is(expected, actual)) return [];
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const length = Math.max(expected.length, actual.length);
    return Array.from({ length }, (_, i) => differences(expected[i], actual[i], `${path}[${i}]`)).flat();
  }
  if (isRecord(expected) && isRecord(actual)) {
    const keys = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort();
    return keys.flatMap((key) => differences(expected[key], actual[key], path === '' ? key : `${path}.${key}`));
  }
  return [path];
}

/** Whether two JSON values are equal, whatever the order of the keys. */
export function isEqual(a: unknown, b: unknown): boolean {
  return differences(a, b).length === 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
