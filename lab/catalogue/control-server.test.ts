import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createControlServer } from './control-server.ts';

const server = createControlServer('PUT /rate', ({ route, query, body }) => {
  if (route !== 'PUT /rate') return undefined;
  if (body === 0) throw new Error('rate must be positive');
  return { body, since: query.get('since') };
});
let url = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const put = (path: string, body: string) => fetch(url + path, { method: 'PUT', body });

describe('a control server', () => {
  it('hands over route, query and JSON body', async () => {
    const response = await put('/rate?since=5', '{"rate": 3}');
    expect([response.status, await response.json()]).toEqual([200, { body: { rate: 3 }, since: '5' }]);
  });

  it.each([
    ['a body that is no JSON', '{', 'JSON'],
    ['a value that is refused', '0', 'rate must be positive'],
  ])('answers 400 with the reason to %s', async (_name, body, message) => {
    const response = await put('/rate', body);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(message);
  });

  it('answers 404 with what there is to any other route', async () => {
    const response = await fetch(`${url}/rate`);
    expect([response.status, await response.json()]).toEqual([404, { error: 'there is PUT /rate' }]);
  });
});
