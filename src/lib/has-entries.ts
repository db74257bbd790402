/** Whether a record has all of `wanted` with the same values, as labels have those of a selector. Nothing wanted: true. */
export function hasEntries(
  record: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => record?.[key] === value);
}
