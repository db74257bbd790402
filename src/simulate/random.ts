/** Seeded chance: the same seed gives the same numbers on every machine. */
export interface Random {
  /** In [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Whole number of events of which `mean` are expected. */
  poisson(mean: number): number;
  /** 1, 2, 3 …, with the given mean. */
  geometric(mean: number): number;
}

/** Small fast counter generator (sfc32), whose state is filled from the seed by a 32-bit mixer. */
export function createRandom(seed: number): Random {
  let mixer = seed | 0;
  const mix = () => {
    mixer = (mixer + 0x9e3779b9) | 0;
    let z = mixer;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) | 0;
  };
  let [a, b, c, counter] = [mix(), mix(), mix(), 1];
  const uniform = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) uniform();
  const poisson = (mean: number) => (mean < 10 ? smallPoisson(mean, uniform) : largePoisson(mean, uniform));
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const geometric = (mean: number) => (mean <= 1 ? 1 : 1 + Math.floor(Math.log(1 - uniform()) / Math.log1p(-1 / mean)));
  return { uniform, normal, poisson, geometric };
}

function smallPoisson(mean: number, uniform: () => number): number {
  if (!(mean > 0)) return 0;
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = uniform(); product > limit; product *= uniform()) count++;
  return count;
}

/** Hörmann's transformed rejection (PTRS), exact for means of 10 and more. */
function largePoisson(mean: number, uniform: () => number): number {
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const lnInverseAlpha = Math.log(1.1239 + 1.1328 / (b - 3.4));
  const squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = uniform() - 0.5;
    const v = uniform();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const lnAccepted = Math.log(v) + lnInverseAlpha - Math.log(a / (us * us) + b);
    if (lnAccepted <= k * Math.log(mean) - mean - lnFactorial(k)) return k;
  }
}

/** ln k!, exact by products for small k and by Stirling's series above. */
export function lnFactorial(k: number): number {
  if (k < 16) {
    let product = 1;
    for (let i = 2; i <= k; i++) product *= i;
    return Math.log(product);
  }
  const z = k + 1;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * z) - 1 / (360 * z ** 3);
}
