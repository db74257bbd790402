import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalJson } from '../../../src/lib/canonical-json.ts';

/** An answer as the caller saw it. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** When it was asked for and until when it took, in ms since the epoch. */
  readonly askedAtMs: number;
  readonly endedAtMs: number;
  /** From the request to the end of the body. */
  readonly ms: number;
}

export interface Ask {
  /** Without the namespace. */
  readonly service: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Routes and clusters as JSON, with keys in order: Envoy writes maps in any. */
export interface ProxyConfig {
  readonly routes: string;
  readonly clusters: string;
}

/** The sidecar of one pod, used by the test as the pod's own program would. */
export interface Caller {
  ask(what: Ask): Promise<Answer>;
  /** So many requests, so many at a time; at most `perSecond` where that is given. */
  volley(
    what: Ask,
    how: { readonly count: number; readonly atOnce: number; readonly perSecond?: number },
  ): Promise<readonly Answer[]>;
  /** What the proxy has for the Service. */
  configOf(service: string): Promise<ProxyConfig>;
  /** Requests for the Service that its access log has counted since the pod began: all of them, and those with a response flag. */
  counted(service: string, flag: string): Promise<{ readonly all: number; readonly flagged: number }>;
  /** Every counter of listeners that came, went or changed. */
  listenerChanges(): Promise<Readonly<Record<string, number>>>;
  close(): void;
}

interface RouteDump {
  readonly configs?: readonly {
    readonly route_config?: { readonly virtual_hosts?: readonly { readonly name: string }[] };
  }[];
}

interface ClusterDump {
  readonly configs?: readonly { readonly cluster?: { readonly name: string } }[];
}

export async function callerAt(podIp: string, namespace: string): Promise<Caller> {
  const admin = `http://${podIp}:15000`;
  const json = async <T>(path: string) => (await (await fetch(`${admin}/${path}`)).json()) as T;
  const { node } = await json<{ node: { metadata: { HTTP_PROXY_PORT: string } } }>('server_info');
  const agent = new Agent({ keepAlive: true, maxSockets: 512 });
  const proxy = { agent, host: '127.0.0.1', port: Number(node.metadata.HTTP_PROXY_PORT) };

  const ask = ({ service, path = '/', headers = {} }: Ask): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const host = `${service}.${namespace}`;
      const askedAtMs = Date.now();
      const begin = performance.now();
      const call = request({ ...proxy, path: `http://${host}${path}`, headers: { ...headers, host } }, (response) => {
        response.resume();
        response.once('error', reject);
        response.once('end', () => {
          const ms = performance.now() - begin;
          const { statusCode: status = 0, headers: got } = response;
          resolve({ status, headers: got, askedAtMs, endedAtMs: Date.now(), ms });
        });
      });
      call.once('error', reject);
      call.end();
    });

  return {
    ask,
    async volley(what, { count, atOnce, perSecond }) {
      const answers: Answer[] = [];
      const begin = performance.now();
      let sent = 0;
      const worker = async () => {
        while (sent < count) {
          const dueMs = perSecond === undefined ? 0 : begin + (sent * 1000) / perSecond - performance.now();
          sent += 1;
          if (dueMs > 0) await sleep(dueMs);
          answers.push(await ask(what));
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
      return answers;
    },
    async configOf(service) {
      const host = `${service}.${namespace}.svc.cluster.local`;
      const routes = await json<RouteDump>('config_dump?resource=dynamic_route_configs');
      const clusters = await json<ClusterDump>('config_dump?resource=dynamic_active_clusters');
      const hosts = (routes.configs ?? []).flatMap(({ route_config }) => route_config?.virtual_hosts ?? []);
      const ofService = (clusters.configs ?? []).filter(({ cluster }) => cluster?.name.includes(`|${host}`));
      return {
        routes: canonicalJson(hosts.filter(({ name }) => name === `${host}:80`)),
        clusters: canonicalJson(ofService.map(({ cluster }) => cluster)),
      };
    },
    async counted(service, flag) {
      const text = await (await fetch(`${admin}/stats/prometheus?usedonly&filter=^istio\\.requests_total`)).text();
      const lines = text.split('\n').filter((line) => line.includes(`|${service}.${namespace}.svc.`));
      const isFlagged = (line: string) => (/response_flags="([^"]*)"/.exec(line)?.[1] ?? '').split(',').includes(flag);
      return { all: sumOf(lines), flagged: sumOf(lines.filter(isFlagged)) };
    },
    async listenerChanges() {
      const { stats } = await json<{ stats: { name: string; value: number }[] }>(
        'stats?format=json&filter=^listener_manager',
      );
      const changes = /listener_(added|modified|removed|in_place_updated|create_success)$/;
      return Object.fromEntries(stats.filter(({ name }) => changes.test(name)).map(({ name, value }) => [name, value]));
    },
    close: () => agent.destroy(),
  };
}

/** Of counters as Prometheus reads them. */
function sumOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
