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
/** Larger pieces cost fewer calls; most answers for many releases are some MB. */
const PIECE_BYTES = 2 ** 18;

/**
 * Undoes an answer's compression in one go: as a stream it takes hundreds of turns of the event loop and twice the time. Never gives more
 * than `maxBytes`, whatever a small answer unfolds to.
 */
export function decodeBody(bytes: Buffer, encoding: unknown, maxBytes: number): AnswerBody {
  const name = typeof encoding === 'string' ? encoding.trim().toLowerCase() : '';
  if (name === '' || name === 'identity' || bytes.length === 0) return bytes;
  try {
    return DECODERS[name]?.(bytes, { chunkSize: PIECE_BYTES, maxOutputLength: maxBytes }) ?? 'unreadable';
  } catch (error) {
    return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'too large' : 'unreadable';
  }
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
