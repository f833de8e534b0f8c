import { describe, expect, it } from 'vitest';
import { NeighbourGraph } from './neighbour-graph.ts';
import { names } from './testing/simulated-round.ts';

/** Whether masks join all of `alive`. */
function isConnected(graph: NeighbourGraph, alive: ReadonlySet<string>): boolean {
  const seen = new Set([...alive].slice(0, 1));
  for (const name of seen) for (const other of graph.of(name)) if (alive.has(other)) seen.add(other);
  return seen.size === alive.size;
}

function* subsets(of: readonly string[], most: number): Generator<string[]> {
  yield [];
  if (most === 0) return;
  for (const [i, first] of of.entries())
    for (const rest of subsets(of.slice(i + 1), most - 1)) yield [first, ...rest];
}

describe('the graph of neighbours', () => {
  it.each([
    [9, 8],
    [9, 4],
    [40, 6],
    [1000, 100],
  ])('of %i has each share with %i others, who share with it', (n, k) => {
    const all = names(n);
    const graph = new NeighbourGraph(all, 'a'.repeat(64), k);
    for (const name of all) {
      const others = graph.of(name);
      expect(new Set(others).size).toBe(k);
      expect(others).toEqual([...others].sort());
      expect(others).not.toContain(name);
    }
    expect(all.every((name) => graph.of(name).every((other) => graph.of(other).includes(name)))).toBe(true);
    expect(isConnected(graph, new Set(all))).toBe(true);
    expect(graph.of('zoe')).toEqual([]);
  });

  it('is another for another roster', () => {
    const around = (seed: string): string => new NeighbourGraph(names(40), seed, 6).of('site-0000').join();
    expect(around('a'.repeat(64))).toBe(around('a'.repeat(64)));
    expect(around('a'.repeat(64))).not.toBe(around('b'.repeat(64)));
  });

  it('cannot be parted by fewer than its least cut, whoever is missing', () => {
    const all = names(10);
    let parted = 0;
    for (const seed of ['a', 'b', 'c'])
      for (const k of [2, 4, 6]) {
        const graph = new NeighbourGraph(all, seed.repeat(64), k);
        for (const missing of subsets(all, 2)) {
          const alive = all.filter((name) => !missing.includes(name));
          const cut = graph.leastCut(new Set(alive));
          for (const colluding of subsets(alive, Math.min(4, alive.length - 1))) {
            const honest = new Set(alive.filter((name) => !colluding.includes(name)));
            if (isConnected(graph, honest)) continue;
            parted++;
            expect(colluding.length).toBeGreaterThanOrEqual(cut);
          }
        }
        expect(graph.leastCut(new Set(all))).toBe(k);
      }
    expect(parted).toBeGreaterThan(1000);
  });

  it('in which all are neighbours cannot be parted', () => {
    expect(new NeighbourGraph(names(5), 'a'.repeat(64), 4).leastCut(new Set(names(2)))).toBe(Infinity);
  });
});
