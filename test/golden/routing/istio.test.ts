import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import type { KubeObject } from '../../../src/kube/port.ts';
import { isAppError } from '../../../src/lib/errors.ts';
import type { Route, RouteOriginal, RouteTarget } from '../../../src/routing/port.ts';
import type { ServiceObject } from '../../../src/routing/revision-service.ts';
import { istioRouter } from '../../../src/routing/routers/istio.ts';

/** What a golden file may give; what it wants is rewritten with UPDATE_GOLDEN=1. */
interface Given {
  readonly route?: Route;
  /** The VirtualService that is adopted; owned mode without it. */
  readonly virtualService?: Partial<KubeObject>;
  /** Adopts a VirtualService that is not there. */
  readonly adopt?: string;
  readonly others?: readonly Partial<KubeObject>[];
  readonly revisions?: readonly string[];
  /** What the adopted (`now`) or own VirtualService holds by now, to be recognised. */
  readonly now?: unknown;
  readonly own?: unknown;
  readonly policiesOf?: string;
  readonly destinationRules?: readonly Partial<KubeObject>[];
}

const directory = join(import.meta.dirname, 'istio');
const files = readdirSync(directory);

describe('Istio golden files', () => {
  test('every file in the folder is a case', () => {
    expect(files.filter((file) => !file.endsWith('.yaml'))).toEqual([]);
    expect(files.length).toBeGreaterThan(20);
  });

  test.each(files.filter((file) => file.endsWith('.yaml')))('%s', (file) => {
    const path = join(directory, file);
    const document = parseDocument(readFileSync(path, 'utf8'));
    const { given, want } = document.toJS() as { given: Given; want?: unknown };
    const got = JSON.parse(JSON.stringify(answer(given)));
    if (process.env['UPDATE_GOLDEN'] === '1') {
      document.set('want', got);
      writeFileSync(path, document.toString({ lineWidth: 120 }));
      return;
    }
    expect(got).toEqual(want);
  });
});

/** What the router makes of the given: an error, policies, what it recognises, or what it writes. */
function answer(given: Given): unknown {
  const target = targetOf(given);
  if (given.policiesOf !== undefined) {
    const rules = (given.destinationRules ?? []).map((rule) => complete('DestinationRule', rule));
    return istioRouter.renderPolicies(target, given.policiesOf, rules);
  }
  const adopted = given.virtualService && complete('VirtualService', given.virtualService);
  const others = (given.others ?? []).map((other) => complete('VirtualService', other));
  let original: RouteOriginal;
  try {
    const routes = [...(adopted ? [adopted] : []), ...others];
    original = istioRouter.inspect(target, { service, routes, revisions: given.revisions ?? [] });
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { error: { class: error.class, code: error.code, message: error.message } };
  }
  const route = given.route ?? { kind: 'plain' };
  const own = given.own === undefined ? undefined : ownOf(target, given.own);
  if (given.now !== undefined || own !== undefined) {
    const current = { own, adopted: adopted && ({ ...adopted, spec: given.now } as KubeObject) };
    return { observed: istioRouter.parse(target, original, current, { candidates: [route], revisions: [] }) };
  }
  return { writes: istioRouter.render(target, original, route, { own: undefined, adopted }) };
}

function targetOf({ virtualService, adopt }: Given): RouteTarget {
  const name = virtualService?.metadata?.name ?? adopt;
  return {
    namespace: 'shop',
    service: 'ord',
    port: 'http',
    routing: { istio: name === undefined ? {} : { virtualService: name } },
    owner: { apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', name: 'ord', uid: 'rollout-uid', controller: true },
  };
}

const service: ServiceObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'ord', namespace: 'shop' },
  spec: { selector: { app: 'ord' }, ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }] },
};

function complete(kind: string, object: Partial<KubeObject>): KubeObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind,
    ...object,
    metadata: { namespace: 'shop', uid: 'its-uid', resourceVersion: '1', ...object.metadata } as KubeObject['metadata'],
  };
}

function ownOf(target: RouteTarget, spec: unknown): KubeObject {
  const [write] = istioRouter.render(
    target,
    { adopted: null },
    { kind: 'revisions', stable: 'a', canary: null, canaryBp: 0 },
    { own: undefined, adopted: undefined },
  );
  if (write?.kind !== 'create') throw new Error('the own VirtualService was not created');
  return { ...write.object, spec } as KubeObject;
}
