/** Returns ln Σ exp(terms) without overflow; minus infinity for no terms. */
export function logSumExp(terms: readonly number[]): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const term of terms) if (term > largest) largest = term;
  if (largest === Number.NEGATIVE_INFINITY) return largest;
  let sum = 0;
  for (const term of terms) sum += Math.exp(term - largest);
  return largest + Math.log(sum);
}

/** Returns ln(exp(a) + exp(b)) without overflow; a may be finite only, b may be minus infinity. */
export function logAddExp(a: number, b: number): number {
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b));
}
