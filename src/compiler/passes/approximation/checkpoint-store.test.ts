import { describe, expect, it } from 'vitest';
import type { ActivationChoice } from '../../options.ts';
import { CheckpointStore, MAX_GREEDY_SITES } from './checkpoint-store.ts';
import { findSites, type ActivationSite } from './sites.ts';
import { smallConvNet } from './testing/graphs.ts';
import type { Checkpoint } from './walk.ts';

const sites = findSites(smallConvNet(), new Map());
const checkpoint = {
  original: new Map([['x', new Float32Array(4)]]),
  approximated: new Map(),
} as unknown as Checkpoint;

function kept(among: readonly ActivationSite[], choice: ActivationChoice): readonly string[] {
  const choices = new Map<string, ActivationChoice>(
    among.map(({ name }, index) => [name, index === 0 ? { kind: 'degree', degree: 8 } : choice]),
  );
  const store = new CheckpointStore({ sites: among }, choices);
  for (const site of among) store.add(site, checkpoint);
  return [...store.entries.keys()];
}

describe('CheckpointStore', () => {
  it('keeps the state before each activation', () => {
    expect(kept(sites, { kind: 'degree', degree: 8 })).toEqual(sites.map(({ name }) => name));
  });

  it('keeps nothing where single activations are not searched: among refreshes, or of many', () => {
    expect(kept(sites, { kind: 'degree', degree: 8, ratio: 4 })).toEqual([]);
    const many = Array.from({ length: MAX_GREEDY_SITES + 1 }, (_, i) => ({ ...sites[0]!, name: `relu${i}` }));
    expect(kept(many, { kind: 'degree', degree: 8 })).toEqual([]);
  });
});
