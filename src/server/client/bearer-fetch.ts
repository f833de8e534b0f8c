/**
 * The Authorization header for servers that ask for one (RFC 6750): nothing is sent unasked; who answers 401 gets the token, or
 * the enrolment code of a client that has no token yet. So does who answers 429 to a request without one: strangers share what an
 * address may ask, a client whose token is seen at the door has a share of its own. What was good is sent along from then on, and what calls carry in their arguments.
 */

/** What may be tried, the best first; asked again whenever a server refuses. */
export interface BearerSource {
  (): readonly string[];
}

const UNAUTHORIZED = 401;
const TOO_MANY_REQUESTS = 429;

export interface BearerFetch {
  readonly fetch: typeof fetch;
  /** The server is told it anyway: from now on it stands at the door, too. */
  readonly show: (bearer: string) => void;
}

export function bearerFetch(inner: typeof fetch, bearers: BearerSource): BearerFetch {
  let accepted: string | null = null;
  const send = (bearer: string | null, ...[input, init]: Parameters<typeof fetch>): Promise<Response> => {
    if (bearer === null) return inner(input, init);
    const headers = new Headers(init?.headers);
    headers.set('Authorization', `Bearer ${bearer}`);
    return inner(input, { ...init, headers });
  };
  return {
    show: (bearer) => (accepted = bearer),
    fetch: async (input, init) => {
      const tried: (string | null)[] = [accepted];
      let response = await send(accepted, input, init);
      while (asksForBearer(response, tried.at(-1)!)) {
        // Without any at last: which token is no good, and why, is for the tools to say.
        const next = [...bearers(), null].find((bearer) => !tried.includes(bearer));
        if (next === undefined) return response;
        await response.body?.cancel();
        tried.push(next);
        response = await send(next, input, init);
        if (!asksForBearer(response, next)) accepted = next;
      }
      return response;
    },
  };
}

/** @param sent with the request; whom the server knows and still finds too busy must wait */
function asksForBearer({ status }: Response, sent: string | null): boolean {
  return status === UNAUTHORIZED || (status === TOO_MANY_REQUESTS && sent === null);
}
