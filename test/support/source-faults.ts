import type { SourceAnswer, SourceFault } from './faulty-proxy.ts';

/** The body of an answer to a query, as far as faults change it. */
interface QueryBody {
  status?: string;
  data?: { resultType?: string; result: { metric: Record<string, string>; values: [number, string][] }[] };
  warnings?: string[];
  isPartial?: boolean;
}

/** Another answer than the source's. */
export function says(status: number, body: string | Buffer, headers: Record<string, string> = {}): SourceFault {
  return { change: () => ({ status, headers, body }) };
}

/** The source's own answer with another content. */
export function changesBody(change: (body: QueryBody) => QueryBody): SourceFault {
  return {
    change: (answer) => {
      if (answer.status !== 200) return answer;
      const body = change(JSON.parse(answer.body.toString()) as QueryBody);
      return { ...answer, body: JSON.stringify(body) };
    },
  };
}

/** Every value of every sample. */
export function changesValues(change: (value: string) => string): SourceFault {
  return changesBody((body) => {
    for (const { values } of body.data?.result ?? []) for (const sample of values) sample[1] = change(sample[1]);
    return body;
  });
}

/** A source that answers after this time, or never when nobody waits so long. */
export function slowBy(delayMs: number): SourceFault {
  return {
    answer: (response) => {
      const timer = setTimeout(() => response.writeHead(200).end('{"status":"success"}'), delayMs);
      response.on('close', () => clearTimeout(timer));
    },
  };
}

/** A source whose clock, and with it every timestamp, is off. */
export function clockOffBy(ms: number): SourceFault {
  const shifted = changesBody((body) => {
    for (const { values } of body.data?.result ?? []) for (const sample of values) sample[0] += ms / 1000;
    return body;
  });
  return {
    change: (answer) => {
      const date = new Date(Date.parse(answer.headers['date'] ?? '') + ms).toUTCString();
      const { headers, ...rest } = 'change' in shifted ? shifted.change(answer) : answer;
      return { ...rest, headers: { ...headers, date } };
    },
  };
}

/** A cache in front of the source that gives the first answer to each query again and again. */
export function frozen(): SourceFault {
  const first = new Map<number, SourceAnswer>();
  let asked = 0;
  // One answer for all queries is enough: only one metric is read but for `up`, and a foreign answer holds nothing that is wanted.
  return {
    change: (answer) => {
      asked++;
      const kept = first.get(0) ?? answer;
      first.set(0, kept);
      return asked === 1 ? answer : kept;
    },
  };
}
