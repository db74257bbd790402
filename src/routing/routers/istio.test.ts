import fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../kube/port.ts';
import type { Route, RouteOriginal, RouteTarget } from '../port.ts';
import { sharesOf } from '../route.ts';
import type { RouteObjects } from '../router.ts';
import { istioRouter } from './istio.ts';
import type { HttpRule, VirtualService, VirtualServiceSpec } from './istio-types.ts';

const owner = { apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', name: 'ord', uid: 'rollout', controller: true };
const owned: RouteTarget = { namespace: 'shop', service: 'ord', port: 'http', routing: { istio: {} }, owner };
const adopting: RouteTarget = { ...owned, routing: { istio: { virtualService: 'shop' } } };

const revision = fc.stringMatching(/^[bcdf2456789]{5,10}$/);
const release = fc
  .tuple(revision, revision, fc.integer({ min: 0, max: 10_000 }))
  .filter(([stable, canary]) => stable !== canary)
  .map(([stable, canary, canaryBp]) => ({ kind: 'revisions' as const, stable, canary, canaryBp }));

const ourHost = fc.constantFrom(
  'ord',
  'ord.shop',
  'ord.shop.svc',
  'ord.shop.svc.cluster.local',
  'ord.shop.svc.corp.example',
);
const otherHost = fc.constantFrom('pay', 'ord.other', 'ord.other.svc.cluster.local', 'order', 'shop.example');
const entry = (host: fc.Arbitrary<string>) =>
  fc.record(
    {
      destination: fc.record(
        { host, port: fc.record({ number: fc.integer({ min: 1, max: 65_535 }) }) },
        { requiredKeys: ['host'] },
      ),
      headers: fc.record({
        request: fc.record({ set: fc.dictionary(fc.stringMatching(/^x-[a-z]{1,5}$/), fc.string()) }),
      }),
      weight: fc.integer({ min: 1, max: 100 }),
    },
    { requiredKeys: ['destination', 'weight'] },
  );
const extras = {
  name: fc.stringMatching(/^[a-z]{1,8}$/),
  timeout: fc.constantFrom('1s', '3s'),
  retries: fc.record({ attempts: fc.integer({ min: 0, max: 5 }) }),
  match: fc.array(fc.record({ uri: fc.record({ prefix: fc.constantFrom('/', '/api/') }) }), { maxLength: 2 }),
  mirror: fc.record({ host: fc.constantFrom('ord', 'shadow') }),
};
const ruleOf = (route: fc.Arbitrary<unknown>) => fc.record({ ...extras, route }, { requiredKeys: ['route'] });
const ourRule = ruleOf(
  fc
    .tuple(entry(ourHost), fc.array(entry(fc.oneof(ourHost, otherHost)), { maxLength: 3 }))
    .map(([one, more]) => [one, ...more]),
);
const otherRule = fc.oneof(
  ruleOf(fc.array(entry(otherHost), { minLength: 1, maxLength: 2 })),
  fc.record({ ...extras, redirect: fc.record({ uri: fc.constant('/') }) }, { requiredKeys: ['redirect'] }),
);
/** A spec of the user's: at least one rule for the service, and others around it. */
const userSpec = fc
  .tuple(fc.array(otherRule, { maxLength: 2 }), ourRule, fc.array(fc.oneof(ourRule, otherRule), { maxLength: 3 }))
  .map(([before, ours, after]) => ({ hosts: ['ord'], gateways: ['mesh'], http: [...before, ours, ...after] }))
  .map((spec) => JSON.parse(JSON.stringify(spec)) as VirtualServiceSpec);

const originalOf = (spec: VirtualServiceSpec): RouteOriginal => ({
  adopted: { kind: 'VirtualService', name: 'shop', uid: 'its-uid', spec: JSON.stringify(spec), managedFields: '[]' },
});

function adoptedWith(spec: VirtualServiceSpec): RouteObjects & { readonly adopted: VirtualService } {
  return {
    own: undefined,
    adopted: {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'shop', namespace: 'shop', uid: 'its-uid', resourceVersion: '7', labels: { team: 'a' } },
      spec,
    },
  };
}

/** What the writes leave behind. */
function rendered(target: RouteTarget, original: RouteOriginal, route: Route, current: RouteObjects): RouteObjects {
  let { own, adopted } = current;
  for (const write of istioRouter.render(target, original, route, current)) {
    if (write.kind === 'delete') own = undefined;
    else if (write.kind === 'create' || write.kind === 'replace') {
      own = { ...write.object, metadata: { ...write.object.metadata, uid: 'own', resourceVersion: '1' } };
    } else {
      adopted = structuredClone(adopted);
      expect(applyPatch(adopted, structuredClone(write.patch) as never)).toEqual(write.patch.map(() => null));
    }
  }
  return { own, adopted };
}

const specOf = (object: KubeObject | undefined): VirtualServiceSpec => (object as VirtualService).spec;
const known = (...candidates: Route[]) => ({ candidates, revisions: [] });

describe('an owned route', () => {
  test('is recognised as what was rendered, whatever was there before', () => {
    fc.assert(
      fc.property(release, release, (first, second) => {
        const original = { adopted: null };
        const between = rendered(owned, original, first, { own: undefined, adopted: undefined });
        const now = rendered(owned, original, second, between);
        const observed = istioRouter.parse(owned, original, now, known(second));
        expect(observed.kind === 'revisions' && sharesOf(observed)).toEqual(sharesOf(second));
        expect(istioRouter.render(owned, original, second, now)).toEqual([]);
      }),
    );
  });

  test('splits by exact proportions', () => {
    fc.assert(
      fc.property(release, (route) => {
        const { own } = rendered(owned, { adopted: null }, route, { own: undefined, adopted: undefined });
        const entries = specOf(own).http?.[0]?.route ?? [];
        const total = entries.reduce((sum, { weight = 0 }) => sum + weight, 0);
        const canary =
          route.kind === 'revisions' && entries.find(({ destination }) => destination.host === `ord-${route.canary}`);
        if (route.kind !== 'revisions') throw new Error('not a release');
        expect(entries.length).toBe(route.canaryBp === 0 || route.canaryBp === 10_000 ? 1 : 2);
        if (entries.length === 2 && canary) expect((canary.weight ?? 0) * 10_000).toBe(route.canaryBp * total);
      }),
    );
  });

  test('goes away with the release', () => {
    fc.assert(
      fc.property(release, (route) => {
        const original = { adopted: null };
        const now = rendered(owned, original, route, { own: undefined, adopted: undefined });
        expect(rendered(owned, original, { kind: 'plain' }, now).own).toBeUndefined();
      }),
    );
  });
});

describe('an adopted route', () => {
  test('is recognised as what was rendered, and rendering again changes nothing', () => {
    fc.assert(
      fc.property(userSpec, release, release, (spec, first, second) => {
        const original = originalOf(spec);
        const now = rendered(adopting, original, second, rendered(adopting, original, first, adoptedWith(spec)));
        const observed = istioRouter.parse(adopting, original, now, known(second));
        expect(observed.kind === 'revisions' && sharesOf(observed)).toEqual(sharesOf(second));
        expect(istioRouter.render(adopting, original, second, now)).toEqual([]);
      }),
    );
  });

  test('gets back its very bytes', () => {
    fc.assert(
      fc.property(userSpec, release, (spec, route) => {
        const original = originalOf(spec);
        const during = rendered(adopting, original, route, adoptedWith(spec));
        const restored = rendered(adopting, original, { kind: 'plain' }, during);
        expect(JSON.stringify(specOf(restored.adopted))).toBe(JSON.stringify(spec));
        expect(istioRouter.parse(adopting, original, restored, known(route, { kind: 'plain' }))).toEqual({
          kind: 'plain',
        });
        const unexpected = istioRouter.parse(adopting, original, restored, known(route));
        expect(unexpected).toMatchObject({ kind: 'foreign', namesRevisions: false });
      }),
    );
  });

  test('keeps every field but the destinations of the service', () => {
    fc.assert(
      fc.property(userSpec, release, (spec, route) => {
        const during = specOf(rendered(adopting, originalOf(spec), route, adoptedWith(spec)).adopted);
        const withoutRoutes = (all: VirtualServiceSpec) => ({
          ...all,
          http: all.http?.map(({ route: _route, ...rest }) => rest),
        });
        expect(withoutRoutes(during)).toEqual(withoutRoutes(spec));
        during.http?.forEach((rule, i) => {
          if (!rule.route?.some(({ destination }) => destination.host.startsWith('ord-')))
            expect(rule).toEqual(spec.http?.[i]);
        });
      }),
    );
  });

  test('sends each destination of the user the share that it had', () => {
    fc.assert(
      fc.property(userSpec, release, (spec, route) => {
        const during = specOf(rendered(adopting, originalOf(spec), route, adoptedWith(spec)).adopted);
        spec.http?.forEach((rule, i) => {
          if (rule.route === undefined) return;
          expect(shares(during.http?.[i] ?? {}, /^ord(-[a-z0-9]+)?(?=$|\.shop)/)).toEqual(
            shares(rule, /^ord(?=$|\.shop)/),
          );
        });
      }),
    );
  });

  test('shows an edit of any leaf, and names it', () => {
    fc.assert(
      fc.property(userSpec, release, fc.nat(), (spec, route, pick) => {
        const original = originalOf(spec);
        const now = rendered(adopting, original, route, adoptedWith(spec));
        const leaves = leavesOf(specOf(now.adopted));
        const path = leaves[pick % leaves.length] ?? [];
        const edited = { ...now, adopted: { ...now.adopted, spec: editedAt(specOf(now.adopted), path) } as KubeObject };
        const observed = istioRouter.parse(adopting, original, edited, known(route));
        expect(observed.kind).toBe('foreign');
        expect(observed.kind === 'foreign' && observed.message).toMatch(
          /changed by somebody else at spec[.[].*`sluice abort ord`/,
        );
      }),
    );
  });

  test('is foreign when it was deleted or created anew', () => {
    const spec = { hosts: ['ord'], http: [{ route: [{ destination: { host: 'ord' } }] }] };
    const original = originalOf(spec);
    const anew = adoptedWith(spec);
    const other = { ...anew, adopted: { ...anew.adopted, metadata: { ...anew.adopted.metadata, uid: 'other' } } };
    expect(istioRouter.parse(adopting, original, other, known())).toMatchObject({
      kind: 'foreign',
      namesRevisions: false,
    });
    expect(istioRouter.parse(adopting, original, { own: undefined, adopted: undefined }, known())).toMatchObject({
      kind: 'foreign',
      message: expect.stringContaining('was deleted during the release'),
    });
  });
});

describe('a route that cannot be meant', () => {
  test.each([
    ['a weight without a canary', { stable: 'a', canary: null, canaryBp: 1 }],
    ['a weight above all', { stable: 'a', canary: 'b', canaryBp: 10_001 }],
    ['a negative weight', { stable: 'a', canary: 'b', canaryBp: -1 }],
    ['a fraction of a basis point', { stable: 'a', canary: 'b', canaryBp: 0.5 }],
    ['no number', { stable: 'a', canary: 'b', canaryBp: Number.NaN }],
    ['one revision twice', { stable: 'a', canary: 'a', canaryBp: 1 }],
  ])('is never rendered: %s', (_what, route) => {
    const render = () =>
      istioRouter.render(
        owned,
        { adopted: null },
        { kind: 'revisions', ...route },
        { own: undefined, adopted: undefined },
      );
    expect(render).toThrow(expect.objectContaining({ class: 'InvariantError', code: 'ROUTE_INVALID' }));
  });
});

/** The share of the service among all destinations of a rule, and each other destination's, as fractions of one. */
function shares({ route = [] }: HttpRule, ours: RegExp): Readonly<Record<string, string>> {
  const total = route.length === 1 ? 1 : route.reduce((sum, { weight = 0 }) => sum + weight, 0);
  const sums: Record<string, number> = {};
  for (const { destination, weight = 0 } of route) {
    const key = ours.test(destination.host) ? 'ours' : destination.host;
    sums[key] = (sums[key] ?? 0) + (route.length === 1 ? 1 : weight);
  }
  return Object.fromEntries(Object.entries(sums).map(([key, sum]) => [key, (sum / total).toFixed(9)]));
}

type Path = readonly (string | number)[];

function leavesOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, child]) =>
    leavesOf(child, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

function editedAt(value: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined) return `${String(value)}-edited`;
  const changed: unknown = Array.isArray(value) ? [...value] : { ...(value as object) };
  (changed as Record<string | number, unknown>)[key] = editedAt((value as Record<string | number, unknown>)[key], rest);
  return changed;
}
