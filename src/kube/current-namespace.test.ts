import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { currentNamespace } from './current-namespace.ts';

const KUBECONFIG = `
apiVersion: v1
kind: Config
current-context: shop
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
contexts:
- {name: shop, context: {cluster: c, user: u, namespace: shop}}
- {name: bare, context: {cluster: c, user: u}}
`;

describe('the current namespace', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
    path = join(folder, 'config');
    writeFileSync(path, KUBECONFIG);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is that of the current context', () => expect(currentNamespace({ path })).toBe('shop'));

  it('is "default" where the context names none', () => {
    expect(currentNamespace({ path, context: 'bare' })).toBe('default');
  });

  it('is refused for a context that does not exist', () => {
    expect(() => currentNamespace({ path, context: 'nope' })).toThrow('it has: shop, bare');
  });
});
