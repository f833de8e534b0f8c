/** Answers of servers that nobody vouches for: no larger, and holding no more, than what a program can expect, or the connection ends. */
import type { JsonBounds } from '../../program/bounded-json.ts';
import { JsonCounter } from '../../program/bounded-json.ts';

export interface AnswerBounds {
  readonly bytes: number;
  /** Of one answer, or one event of a stream. */
  readonly json: JsonBounds;
}

const ANSWER_BOUNDS: AnswerBounds = {
  /** Descriptions of models are the largest: positions of every value of an input. */
  bytes: 256 * 2 ** 20,
  /** Labels and rotation steps, in thousands. */
  json: { nodes: 2 ** 20, depth: 256 },
};

const LINE_FEED = 0x0a;

/** `fetch` whose bodies fail once they exceed their bounds, whatever length they declare. */
export function boundedFetch(inner: typeof fetch, bounds: AnswerBounds = ANSWER_BOUNDS): typeof fetch {
  return async (input, init) => {
    const response = await inner(input, init);
    if (response.body === null) return response;
    const { status, statusText, headers, url, redirected } = response;
    const check = counterOf(bounds, headers.get('content-type')?.startsWith('text/event-stream') === true);
    const counting = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const excess = check(chunk);
        if (excess === null) controller.enqueue(chunk);
        else controller.error(new Error(excess));
      },
    });
    const bounded = new Response(response.body.pipeThrough(counting), { status, statusText, headers });
    // A response made by hand has no address, but callers judge redirects by it.
    return Object.defineProperties(bounded, { url: { value: url }, redirected: { value: redirected } });
  };
}

/** @param events each line has a message of its own, and the whole has no end */
function counterOf({ bytes, json }: AnswerBounds, events: boolean): (chunk: Uint8Array) => string | null {
  let length = 0;
  let counter = new JsonCounter(json);
  const count = (piece: Uint8Array): string | null => {
    const excess = counter.take(piece);
    return excess === null ? null : `an answer beyond its bounds: ${excess}`;
  };
  return (chunk) => {
    length += chunk.length;
    if (length > bytes) return `an answer of more than ${bytes} bytes`;
    let from = 0;
    while (events) {
      const end = chunk.indexOf(LINE_FEED, from);
      if (end === -1) break;
      const excess = count(chunk.subarray(from, end));
      if (excess !== null) return excess;
      counter = new JsonCounter(json);
      from = end + 1;
    }
    return count(chunk.subarray(from));
  };
}
