/** Keeps the state before each activation, so that a search may restart in the middle of the graph. */
import type { ActivationSite } from './sites.ts';
import type { ApproximationContext, Checkpoint } from './walk.ts';

/** Above this many activations, trying each of them takes longer than it gains. */
export const MAX_GREEDY_SITES = 8;
/** Bytes of checkpoints kept. */
const CHECKPOINT_BUDGET = 1.5e9;

/** Keeps the checkpoints before the sites as long as they fit in memory. */
export class CheckpointStore {
  readonly entries = new Map<string, Checkpoint>();
  readonly #context: ApproximationContext;
  readonly #arrays = new Set<Float32Array>();
  #bytes = 0;

  constructor(context: ApproximationContext) {
    this.#context = context;
  }

  add(site: ActivationSite, checkpoint: Checkpoint): void {
    if (this.#context.sites.length > MAX_GREEDY_SITES) return;
    const added = new Set(
      [...checkpoint.original.values(), ...checkpoint.approximated.values()].filter(
        (array) => !this.#arrays.has(array),
      ),
    );
    const bytes = [...added].reduce((sum, array) => sum + array.byteLength, 0);
    if (this.#bytes + bytes > CHECKPOINT_BUDGET) return;
    this.#bytes += bytes;
    for (const array of added) this.#arrays.add(array);
    this.entries.set(site.name, checkpoint);
  }
}
