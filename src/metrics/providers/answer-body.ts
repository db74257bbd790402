import { brotliDecompressSync, gunzipSync, inflateSync, type ZlibOptions } from 'node:zlib';

/** The bytes of an answer without their compression, or why there are none. */
export type AnswerBody = Buffer | 'unreadable' | 'too large';

/** What sources are asked to use; others are read too. */
export const ACCEPTED_ENCODING = 'gzip';

const DECODERS: Readonly<Record<string, (bytes: Buffer, options: ZlibOptions) => Buffer>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};
const LEAST_PIECE_BYTES = 2 ** 14;
/** At its end a gzip file has its length without compression, modulo 2 ** 32. */
const LENGTH_BYTES = 4;
/** Far more than Node sets aside to cut small buffers from. */
const LARGE_BYTES = 2 ** 20;

/**
 * Undoes an answer's compression in one go and, where it tells its length, in one piece: as a stream it takes hundreds of turns of the
 * event loop, and the memory of pieces makes the garbage collector run far more often. Never gives more than `maxBytes`, whatever a small
 * answer unfolds to.
 */
export function decodeBody(bytes: Buffer, encoding: unknown, maxBytes: number): AnswerBody {
  const name = typeof encoding === 'string' ? encoding.trim().toLowerCase() : '';
  if (name === '' || name === 'identity' || bytes.length === 0) return bytes;
  try {
    return (
      DECODERS[name]?.(bytes, { chunkSize: pieceBytes(bytes, maxBytes), maxOutputLength: maxBytes }) ?? 'unreadable'
    );
  } catch (error) {
    return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'too large' : 'unreadable';
  }
}

/** One byte more than it tells, so that the first piece is seen to be the last. A wrong length costs pieces or memory up to the limit. */
function pieceBytes(bytes: Buffer, maxBytes: number): number {
  const told = bytes.length < LENGTH_BYTES ? 0 : bytes.readUInt32LE(bytes.length - LENGTH_BYTES);
  return Math.max(LEAST_PIECE_BYTES, Math.min(told, maxBytes) + 1);
}

/**
 * Gives the memory of a large body back at once, after which it is empty. The collector counts such memory but does not see that it is
 * dead: after two or three answers it looks through the whole heap for it.
 */
export function freeBody({ buffer }: Buffer): void {
  // A small body may share its memory with others, a large one never does.
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= LARGE_BYTES) buffer.transfer(0);
}

/** The JSON in a body; its text where it is none, which the driver refuses. */
export function parseBody(bytes: Buffer): unknown {
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
