import { isDeepStrictEqual } from 'node:util';
import { kinds } from '../../src/kube/kinds.ts';
import type { EnvoyFilter } from '../../src/routing/faults/envoy-filter.ts';
import type { VirtualService, VirtualServiceSpec } from '../../src/routing/routers/istio-types.ts';
import type { FakeCommit, FakeKube } from '../support/fake-kube.ts';
import { Callers, type MemorySource } from '../support/metrics-source.ts';
import { type Cluster, type EndpointSlice, NAME, NAMESPACE } from './cluster.ts';
import type { Dice } from './dice.ts';
import { createRouteFaults, type RouteFaults } from './route-faults.ts';
import type { SimClock } from './sim-clock.ts';

/** What one request met. */
export interface Answer {
  readonly proxy: string;
  readonly host: string;
  readonly pod: string | null;
  /** As access logs have it: the code, and after a space Envoy's flags. */
  readonly code: string;
  /** What a fault added to its time, in ms. */
  readonly delayMs: number;
}

/** Who a proxy belongs to. */
export interface Caller {
  readonly name: string;
  readonly workload: string;
  readonly labels: Readonly<Record<string, string>>;
  /** False: its requests pass no proxy, so that no fault touches them and nobody counts them. */
  readonly isMeshed: boolean;
}

/** Routes and endpoints as one proxy knows them. */
export interface Proxy extends Caller {
  route: VirtualServiceSpec | undefined;
  /** What EnvoyFilters, and the user's own route, do to requests. */
  faults: RouteFaults;
  readonly clusters: Map<string, readonly string[]>;
  /** How long a new route takes to reach it at the moment, in ms. */
  routeDelayMs: readonly [number, number];
}

export interface Mesh {
  readonly proxies: readonly Proxy[];
  /** Requests per tick of each of the three proxies that are there from the start. */
  rate: number;
  isScraped: boolean;
  /** One more proxy, which knows all that there is and asks only when it is told to. */
  join(caller: Caller): void;
  leave(name: string): void;
  /** Lets one request go out, and counts it. */
  ask(name: string, headers?: Readonly<Record<string, string>>): Answer;
  /** Counts a request to another host than the target. */
  count(name: string, host: string, code: string): void;
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
  const proxyOf = (caller: Caller): Proxy => ({
    ...{ ...caller, route: undefined, clusters: new Map(), routeDelayMs: ROUTE_DELAY_MS },
    faults: createRouteFaults(caller, undefined, [], clock.now()),
  });
  const own = ['web-0', 'web-1', 'web-2'].map((name) => proxyOf({ name, workload: name, labels: {}, isMeshed: true }));
  const proxies = [...own];
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

  const filtersNow = () => kube.all<EnvoyFilter>(kinds.envoyFilter);
  const endpointsNow = () => kube.all<EndpointSlice>(kinds.endpointSlice);

  const configure = (proxy: Proxy, spec: VirtualServiceSpec | undefined, filters: readonly EnvoyFilter[]): void => {
    proxy.route = spec;
    proxy.faults = createRouteFaults(proxy, spec, filters, clock.now());
  };

  /** A push that had to wait carries what is newest when its turn comes, as istiod's do. */
  const push = (proxy: Proxy): void => {
    const [spec, filters] = [routeNow(), filtersNow()];
    send(`${proxy.name}/routes`, dice.int(...WIRE_MS), () => configure(proxy, spec, filters));
  };

  const pushAll = (): void => {
    for (const proxy of proxies) send(`${proxy.name}/queue`, dice.int(...proxy.routeDelayMs), () => push(proxy));
  };

  const sendOne = (proxy: Proxy, headers: Readonly<Record<string, string>> = {}): Answer => {
    const { name, clusters } = proxy;
    const host = pickHost(proxy.route, dice);
    const { code, flags, delayMs } = proxy.faults.touch({ host, headers, now: clock.now() }, dice);
    const met = (pod: string | null, own: string): Answer => {
      const [of = '', ...more] = own.split(' ');
      const all = [...flags, ...more].join(',');
      return { proxy: name, host, pod, code: all === '' ? of : `${of} ${all}`, delayMs };
    };
    if (code !== null) return met(null, String(code));
    const endpoints = clusters.get(host);
    if (endpoints === undefined) return met(null, '503 NC');
    if (endpoints.length === 0) return met(null, '503 UH');
    const pod = dice.pick(endpoints);
    const process = cluster.running.get(pod);
    if (process === undefined) return met(pod, '503 UF');
    const isFailure = dice.chance(cluster.behaviourOf(process.image).errorRatio);
    return met(pod, isFailure ? '500' : '200');
  };

  const knownTo = (name: string): Proxy => {
    const proxy = proxies.find((one) => one.name === name);
    if (proxy === undefined) throw new Error(`there is no proxy ${name}`);
    return proxy;
  };

  const mesh: Mesh = {
    proxies,
    rate: 4,
    isScraped: true,
    join(caller) {
      const proxy = proxyOf(caller);
      configure(proxy, routeNow(), filtersNow());
      for (const slice of endpointsNow()) proxy.clusters.set(slice.metadata.name, readyIn(slice));
      proxies.push(proxy);
      callers.workloads.set(caller.name, caller.workload);
      if (caller.isMeshed) scrapeAt.set(caller.name, clock.now() + dice.int(0, SCRAPE_MS));
    },
    leave(name) {
      proxies.splice(proxies.indexOf(knownTo(name)), 1);
      scrapeAt.delete(name);
    },
    ask(name, headers) {
      const answer = sendOne(knownTo(name), headers);
      callers.serve(name, `${answer.host}.${NAMESPACE}`, 1, answer.code);
      return answer;
    },
    count: (name, host, code) => callers.serve(name, `${host}.${NAMESPACE}`, 1, code),
    onCommit({ kind, type, object, before }) {
      if (kind === kinds.virtualService || kind === kinds.envoyFilter) {
        const isSame = isDeepStrictEqual((object as VirtualService).spec, (before as VirtualService | undefined)?.spec);
        if (!isSame || type !== 'MODIFIED') pushAll();
      }
      if (kind === kinds.endpointSlice) {
        const endpoints = readyIn(object as EndpointSlice);
        for (const { name, clusters } of proxies) {
          send(`${name}/endpoints`, dice.int(...ENDPOINT_DELAY_MS), () => {
            if (type === 'DELETED') clusters.delete(object.metadata.name);
            else clusters.set(object.metadata.name, endpoints);
          });
        }
      }
    },
    tick() {
      const answers = own.flatMap((proxy) => Array.from({ length: mesh.rate }, () => sendOne(proxy)));
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

function readyIn({ endpoints }: EndpointSlice): readonly string[] {
  return endpoints.filter(({ conditions }) => conditions.ready).map(({ targetRef }) => targetRef.name);
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
