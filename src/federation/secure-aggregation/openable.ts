/** Whether a round can still come to a sum. */
import type { AcceptedRoster } from './accept-roster.ts';
import type { SurvivorList } from './messages.ts';

/** @returns what stands against it, or null */
export function openable(list: SurvivorList, roster: AcceptedRoster): string | null {
  const { terms, rules, graph } = roster;
  const survivors = new Set(list.survivors);
  const needed = Math.max(terms.minSurvivors, rules.quorum);
  if (survivors.size < needed) return `${survivors.size} of ${needed} updates that are needed have arrived`;
  if (graph.leastCut(survivors) <= terms.colluders)
    return `so many dropped out that ${terms.colluders} colluders could part the sum`;
  return shortOfShares(list.sharers, roster, survivors);
}

/**
 * @param sharers whose masks are in the sum, of survivors and of who dropped out
 * @param givers who will give, or has given, its shares
 * @returns whose secret would lack shares, or null
 */
export function shortOfShares(
  sharers: readonly string[],
  { graph, rules }: AcceptedRoster,
  givers: ReadonlySet<string>,
): string | null {
  // Of each sharer one secret is needed: the seed of a survivor, the key of who dropped out.
  for (const name of sharers) {
    const shares = graph.of(name).filter((other) => givers.has(other)).length;
    if (shares < rules.threshold)
      return `${shares} of ${rules.threshold} shares that open the masks of ${name}`;
  }
  return null;
}
