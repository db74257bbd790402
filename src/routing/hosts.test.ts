import { describe, expect, test } from 'vitest';
import { coversNamespace, namesService, withService } from './hosts.ts';

const ord = { namespace: 'shop', name: 'ord' };

describe('a host', () => {
  test.each([
    ['ord', 'shop'],
    ['ORD', 'shop'],
    ['ord.shop', 'edge'],
    ['ord.shop.svc', 'edge'],
    ['ord.shop.svc.cluster.local', 'edge'],
    ['ord.shop.svc.corp.example', 'edge'],
  ])('%s of namespace %s names the Service', (host, from) => {
    expect(namesService(host, from, ord)).toBe(true);
  });

  test.each([
    ['ord', 'edge'],
    ['order', 'shop'],
    ['ord.edge', 'shop'],
    ['ord.shop.example.com', 'shop'],
    ['ord.edge.svc.cluster.local', 'shop'],
    ['*.shop.svc.cluster.local', 'shop'],
  ])('%s of namespace %s does not', (host, from) => {
    expect(namesService(host, from, ord)).toBe(false);
  });

  test('keeps its spelling for another Service', () => {
    expect(withService('ord', 'ord-1')).toBe('ord-1');
    expect(withService('ord.shop.svc.corp.example', 'ord-1')).toBe('ord-1.shop.svc.corp.example');
  });
});

describe('a wildcard', () => {
  test.each([
    '*',
    '*.local',
    '*.cluster.local',
    '*.svc.cluster.local',
    '*.shop.svc.cluster.local',
    '*.shop.svc.corp.example',
  ])('%s covers the namespace', (host) => expect(coversNamespace(host, 'shop')).toBe(true));

  test.each([
    'ord',
    '*.example.com',
    '*.edge.svc.cluster.local',
    '*.myshop.svc.cluster.local',
    'ord.shop.svc.cluster.local',
  ])('%s does not', (host) => expect(coversNamespace(host, 'shop')).toBe(false));
});
