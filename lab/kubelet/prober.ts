import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:net';
import type { Container, Probe } from './pod.ts';

function portOf(container: Container, port: number | string): number {
  if (typeof port === 'number') return port;
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
}

function httpTry(
  container: Container,
  probe: NonNullable<Probe['httpGet']>,
  podIp: string,
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const send = probe.scheme === 'HTTPS' ? secureRequest : request;
    const headers = Object.fromEntries((probe.httpHeaders ?? []).map(({ name, value }) => [name, value]));
    const call = send(
      {
        host: probe.host ?? podIp,
        port: portOf(container, probe.port),
        path: probe.path ?? '/',
        headers: { 'user-agent': 'kube-probe/lab', connection: 'close', ...headers },
        agent: false,
        rejectUnauthorized: false,
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        response.resume();
        const status = response.statusCode ?? 0;
        resolve(status >= 200 && status < 400);
      },
    );
    call.on('error', () => resolve(false));
    call.end();
  });
}

function tcpTry(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (passed: boolean) => {
      socket.destroy();
      resolve(passed);
    };
    socket.on('connect', () => end(true));
    socket.on('timeout', () => end(false));
    socket.on('error', () => end(false));
  });
}

/** Tries a probe once; false also when it takes longer than its timeout. */
export async function tryProbe(container: Container, probe: Probe, podIp: string): Promise<boolean> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.httpGet) return httpTry(container, probe.httpGet, podIp, timeoutMs);
  if (probe.tcpSocket) return tcpTry(probe.tcpSocket.host ?? podIp, portOf(container, probe.tcpSocket.port), timeoutMs);
  return true;
}
