import { StringDecoder } from 'node:string_decoder';
import type { AppError } from '../lib/errors.ts';
import type { KubeObject, WatchEvent } from './port.ts';
import { type RequestContext, translateFailure, translateStatus } from './translate-error.ts';

/** Far above etcd's limit on an object (1.5 MiB); a longer line is no watch event. */
const MAX_LINE_LENGTH = 32 * 1024 * 1024;

/**
 * The events of a watch answer, one JSON object per line however the chunks are cut. Throws what a line that is no event means:
 * an ERROR event as its status says, anything else a TransientError with code MALFORMED_WATCH (nothing after it can be trusted).
 */
export async function* watchEvents<T extends KubeObject>(
  context: RequestContext,
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<WatchEvent<T>> {
  for await (const line of lines(context, chunks)) {
    if (line.trim() !== '') yield parseEvent<T>(context, line);
  }
}

async function* lines(context: RequestContext, chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const pieces = decoder.write(chunk).split('\n');
    for (const [index, piece] of pieces.entries()) {
      parts.push(piece);
      length += piece.length;
      if (length > MAX_LINE_LENGTH) throw malformed(context, `a line is longer than ${MAX_LINE_LENGTH} characters`);
      if (index === pieces.length - 1) break;
      yield parts.join('');
      parts = [];
      length = 0;
    }
  }
  // What is left has no line end: the stream broke inside an event, which the next watch sends again.
  if (length > 0) throw malformed(context, 'the stream ended inside an event');
}

function parseEvent<T extends KubeObject>(context: RequestContext, line: string): WatchEvent<T> {
  const event = parseJson(line) as Partial<WatchEvent<T>> | undefined;
  switch (event?.type as string | undefined) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      if (event?.object?.metadata === undefined) throw malformed(context, 'an event carries no object');
      return event as WatchEvent<T>;
    case 'ERROR': {
      const status = event?.object as { readonly code?: number } | undefined;
      throw translateStatus(context, { status: status?.code ?? 500, body: JSON.stringify(status ?? {}) });
    }
    default:
      throw malformed(context, 'a line is no watch event');
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function malformed(context: RequestContext, what: string): AppError {
  return translateFailure(context, 'MALFORMED_WATCH', what);
}
