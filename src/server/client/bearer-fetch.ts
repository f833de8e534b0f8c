/**
 * The Authorization header for servers that ask for one (RFC 6750): nothing is sent unasked; who answers 401 gets the token, or
 * the enrolment code of a client that has no token yet. What was good is sent along from then on.
 */

/** What may be tried, the best first; asked again whenever a server refuses. */
export interface BearerSource {
  (): readonly string[];
}

const UNAUTHORIZED = 401;

export function bearerFetch(inner: typeof fetch, bearers: BearerSource): typeof fetch {
  let accepted: string | null = null;
  return async (input, init) => {
    const send = (bearer: string | null): Promise<Response> => {
      if (bearer === null) return inner(input, init);
      const headers = new Headers(init?.headers);
      headers.set('Authorization', `Bearer ${bearer}`);
      return inner(input, { ...init, headers });
    };
    const tried: (string | null)[] = [accepted];
    let response = await send(accepted);
    while (response.status === UNAUTHORIZED) {
      const next = bearers().find((bearer) => !tried.includes(bearer));
      if (next === undefined) return response;
      await response.body?.cancel();
      tried.push(next);
      response = await send(next);
      if (response.status !== UNAUTHORIZED) accepted = next;
    }
    return response;
  };
}
