import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import type { Pki } from './pki.ts';

/** What one look at a part found: ready, or what was seen instead. */
export type ProbeResult = { readonly ready: true } | { readonly ready: false; readonly seen: string };
export type Probe = () => Promise<ProbeResult>;

const PROBE_TIMEOUT_MS = 2_000;

/** Ready when an HTTP GET answers 200. */
export function httpProbe(url: string): Probe {
  return () => get(url, {});
}

/** Ready when an HTTPS GET with the administrator's certificate answers 200. */
export function adminProbe(url: string, pki: Pki): Probe {
  return () =>
    get(url, { ca: readFileSync(pki.caCert), cert: readFileSync(pki.adminCert), key: readFileSync(pki.adminKey) });
}

/** Ready when an HTTPS GET answers 200; the server's certificate is its own, so it is not checked. */
export function selfSignedProbe(url: string): Probe {
  return () => get(url, { rejectUnauthorized: false });
}

function get(url: string, tls: RequestOptions): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const options: RequestOptions = { timeout: PROBE_TIMEOUT_MS, agent: false, ...tls };
    const request = url.startsWith('https:') ? httpsRequest(url, options) : httpRequest(url, options);
    request.on('response', (response) => {
      response.resume();
      resolve(
        response.statusCode === 200 ? { ready: true } : { ready: false, seen: `${url} says ${response.statusCode}` },
      );
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', (error) => resolve({ ready: false, seen: `${url}: ${error.message}` }));
    request.end();
  });
}

/** Ready when Redis answers PING with PONG (not while it loads its data). */
export function redisProbe(host: string, port: number): Probe {
  return () =>
    new Promise((resolve) => {
      const socket = connect({ host, port });
      const settle = (result: ProbeResult) => {
        socket.destroy();
        resolve(result);
      };
      socket.setTimeout(PROBE_TIMEOUT_MS, () => settle({ ready: false, seen: 'no answer to PING in time' }));
      socket.on('connect', () => socket.write('PING\r\n'));
      socket.on('data', (bytes) => {
        const answer = bytes.toString().trim();
        settle(answer === '+PONG' ? { ready: true } : { ready: false, seen: `PING answered ${answer}` });
      });
      socket.on('error', (error) => settle({ ready: false, seen: error.message }));
    });
}
