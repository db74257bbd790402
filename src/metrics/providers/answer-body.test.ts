import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeBody, freeBody, parseBody } from './answer-body.ts';

const text = Buffer.from('{"status":"success"}'.repeat(5000));
const MIB = 2 ** 20;

describe('the body of an answer', () => {
  it.each([
    ['gzip', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['GZIP', gzipSync(text)],
    ['gzip', Buffer.concat([gzipSync(text.subarray(0, 60_000)), gzipSync(text.subarray(60_000))])],
    ['deflate', deflateSync(text)],
    ['br', brotliCompressSync(text)],
    ['identity', text],
    [undefined, text],
  ])('is read from %s', (encoding, bytes) => {
    const body = decodeBody(bytes, encoding, MIB);
    expect(Buffer.isBuffer(body) && body.equals(text)).toBe(true);
  });

  it.each([
    ['what is no gzip', 'gzip', text],
    ['a gzip that was cut off', 'gzip', gzipSync(text).subarray(0, -9)],
    ['an encoding that nobody asked for', 'zstd', text],
  ])('is unreadable from %s', (_, encoding, bytes) => {
    expect(decodeBody(bytes, encoding, MIB)).toBe('unreadable');
  });

  it('is too large above the limit and not at it, whatever its length is said to be', () => {
    expect(decodeBody(gzipSync(text), 'gzip', text.length)).toEqual(text);
    expect(decodeBody(gzipSync(text), 'gzip', text.length - 1)).toBe('too large');
    const lying = gzipSync(text);
    lying.writeUInt32LE(10, lying.length - 4);
    expect(['unreadable', 'too large']).toContain(decodeBody(lying, 'gzip', text.length - 1));
  });

  it('gives its memory back at once where it has it to itself', () => {
    const large = decodeBody(gzipSync(Buffer.alloc(MIB)), 'gzip', 2 * MIB) as Buffer;
    freeBody(large);
    expect(large).toHaveLength(0);
    const small = Buffer.from('small');
    freeBody(small);
    expect(small.toString()).toBe('small');
  });

  it('is JSON with or without the mark of its encoding, and else text', () => {
    expect(parseBody(Buffer.from('\uFEFF{"a":1}'))).toEqual({ a: 1 });
    expect(parseBody(Buffer.from('<html>'))).toBe('<html>');
  });
});
