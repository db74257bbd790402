import { isDeepStrictEqual } from 'node:util';
import { kinds } from '../../src/kube/kinds.ts';
import type { VirtualService, VirtualServiceSpec } from '../../src/routing/routers/istio-types.ts';
import type { FakeCommit, FakeKube } from '../support/fake-kube.ts';
import { Callers, type MemorySource } from '../support/metrics-source.ts';
import { type Cluster, type EndpointSlice, NAME, NAMESPACE } from './cluster.ts';
import type { Dice } from './dice.ts';
import type { SimClock } from './sim-clock.ts';

/** What one request met. */
export interface Answer {
  readonly proxy: string;
  readonly host: string;
  readonly pod: string | null;
  /** As access logs have it: the code, and after a space Envoy's flags. */
  readonly code: string;
}

/** Routes and endpoints as one proxy knows them. */
export interface Proxy {
  readonly name: string;
  route: VirtualServiceSpec | undefined;
  readonly clusters: Map<string, readonly string[]>;
  /** How long a new route takes to reach it at the moment, in ms. */
  routeDelayMs: readonly [number, number];
}

export interface Mesh {
  readonly proxies: readonly Proxy[];
  /** Requests per proxy and tick. */
  rate: number;
  isScraped: boolean;
  onCommit(commit: FakeCommit): void;
  /** Sends the requests of one tick and scrapes what is due. */
  tick(): readonly Answer[];
}

/** Slower than a route, faster than the propagation time that releases wait for. */
const ENDPOINT_DELAY_MS = [30, 1_500] as const;
export const ROUTE_DELAY_MS = [20, 200] as const;
const WIRE_MS = [5, 60] as const;
const SCRAPE_MS = 5_000;

/** Callers whose proxies learn of routes and endpoints late, each in its own time, and whose requests follow what they know. */
export function createMesh(
  { kube, clock, source, cluster }: { kube: FakeKube; clock: SimClock; source: MemorySource; cluster: Cluster },
  dice: Dice,
): Mesh {
  const callers = new Callers(source);
  const proxies = ['web-0', 'web-1', 'web-2'].map(
    (name): Proxy => ({ name, route: undefined, clusters: new Map(), routeDelayMs: ROUTE_DELAY_MS }),
  );
  const lanes = new Map<string, number>();
  const scrapeAt = new Map(proxies.map(({ name }) => [name, clock.now() + dice.int(0, SCRAPE_MS)]));

  /** Delivers in order of sending, as one stream does. */
  const send = (lane: string, delayMs: number, run: () => void): void => {
    const at = Math.max(lanes.get(lane) ?? 0, clock.now() + delayMs);
    lanes.set(lane, at);
    clock.after(at - clock.now(), run);
  };

  const routeNow = (): VirtualServiceSpec | undefined =>
    kube.all<VirtualService>(kinds.virtualService).find(({ spec }) => spec.hosts?.includes(NAME))?.spec;

  /** A push that had to wait carries what is newest when its turn comes, as istiod's do. */
  const push = (proxy: Proxy): void => {
    const spec = routeNow();
    send(`${proxy.name}/routes`, dice.int(...WIRE_MS), () => {
      proxy.route = spec;
    });
  };

  const sendOne = (proxy: Proxy): Answer => {
    const { name, clusters } = proxy;
    const host = pickHost(proxy.route, dice);
    const endpoints = clusters.get(host);
    if (endpoints === undefined) return { proxy: name, host, pod: null, code: '503 NC' };
    if (endpoints.length === 0) return { proxy: name, host, pod: null, code: '503 UH' };
    const pod = dice.pick(endpoints);
    const process = cluster.running.get(pod);
    if (process === undefined) return { proxy: name, host, pod, code: '503 UF' };
    const isFailure = dice.chance(cluster.behaviourOf(process.image).errorRatio);
    return { proxy: name, host, pod, code: isFailure ? '500' : '200' };
  };

  const mesh: Mesh = {
    proxies,
    rate: 4,
    isScraped: true,
    onCommit({ kind, type, object, before }) {
      if (kind === kinds.virtualService) {
        const isSame = isDeepStrictEqual((object as VirtualService).spec, (before as VirtualService | undefined)?.spec);
        if (isSame && type === 'MODIFIED') return;
        for (const proxy of proxies) send(`${proxy.name}/queue`, dice.int(...proxy.routeDelayMs), () => push(proxy));
      }
      if (kind === kinds.endpointSlice) {
        const endpoints = (object as EndpointSlice).endpoints
          .filter(({ conditions }) => conditions.ready)
          .map(({ targetRef }) => targetRef.name);
        for (const { name, clusters } of proxies) {
          send(`${name}/endpoints`, dice.int(...ENDPOINT_DELAY_MS), () => {
            if (type === 'DELETED') clusters.delete(object.metadata.name);
            else clusters.set(object.metadata.name, endpoints);
          });
        }
      }
    },
    tick() {
      const answers = proxies.flatMap((proxy) => Array.from({ length: mesh.rate }, () => sendOne(proxy)));
      for (const { proxy, host, code } of answers) callers.serve(proxy, `${host}.${NAMESPACE}`, 1, code);
      for (const [name, at] of scrapeAt) {
        if (at > clock.now()) continue;
        if (mesh.isScraped) callers.scrape(name, clock.now());
        scrapeAt.set(name, at + SCRAPE_MS);
      }
      return answers;
    },
  };
  return mesh;
}

/** The rule that ordinary requests follow is the last one; rules before it match what these requests do not have. */
function pickHost(spec: VirtualServiceSpec | undefined, dice: Dice): string {
  const destinations = spec?.http?.at(-1)?.route ?? [];
  const total = destinations.reduce((sum, { weight = 0 }) => sum + weight, 0);
  if (total === 0) return destinations[0]?.destination.host ?? NAME;
  let left = dice.next() * total;
  for (const { destination, weight = 0 } of destinations) {
    left -= weight;
    if (left < 0) return destination.host;
  }
  return NAME;
}

/** Weight in percent that a spec gives to each host. */
export function weightsOf(spec: VirtualServiceSpec | undefined): ReadonlyMap<string, number> {
  const destinations = spec?.http?.at(-1)?.route ?? [];
  const total = destinations.reduce((sum, { weight = 0 }) => sum + weight, 0);
  if (total === 0) return new Map([[destinations[0]?.destination.host ?? NAME, 100]]);
  return new Map(destinations.map(({ destination, weight = 0 }) => [destination.host, (100 * weight) / total]));
}
