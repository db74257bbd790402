/**
 * `@peculiar/x509`. Its dependency container refuses to load without the `reflect-metadata` polyfill, of which nothing that
 * certificates need is used: these stand in for it.
 */
const nothing = () => undefined;
const polyfill = { getMetadata: nothing, getOwnMetadata: nothing, defineMetadata: nothing, metadata: nothing };
for (const [name, stub] of Object.entries(polyfill)) {
  if (!(name in Reflect)) Object.assign(Reflect, { [name]: stub });
}
export const x509 = await import('@peculiar/x509');
