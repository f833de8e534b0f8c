/** Answers of servers that nobody vouches for: no larger than what a program can expect, or the connection ends. */

/** Descriptions of models are the largest: positions of every value of an input. */
const MAX_ANSWER_BYTES = 256 * 2 ** 20;

/** `fetch` whose bodies fail once they exceed `maxBytes`, whatever length they declare. */
export function boundedFetch(inner: typeof fetch, maxBytes = MAX_ANSWER_BYTES): typeof fetch {
  return async (input, init) => {
    const response = await inner(input, init);
    if (response.body === null) return response;
    let bytes = 0;
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.length;
        if (bytes > maxBytes) controller.error(new Error(`an answer of more than ${maxBytes} bytes`));
        else controller.enqueue(chunk);
      },
    });
    const { status, statusText, headers, url, redirected } = response;
    const bounded = new Response(response.body.pipeThrough(counter), { status, statusText, headers });
    // A response made by hand has no address, but callers judge redirects by it.
    return Object.defineProperties(bounded, { url: { value: url }, redirected: { value: redirected } });
  };
}
