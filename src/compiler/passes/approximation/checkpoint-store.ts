/** Keeps the state before each activation, so that a search may restart in the middle of the graph. */
import type { ActivationChoice } from '../../options.ts';
import { isRefreshed } from './degrees.ts';
import type { ActivationSite } from './sites.ts';
import type { ApproximationContext, Checkpoint } from './walk.ts';

/** Above this many activations, trying each of them takes longer than it gains. */
export const MAX_GREEDY_SITES = 8;
/** Bytes of checkpoints kept. */
const CHECKPOINT_BUDGET = 1.5e9;

/** Keeps the checkpoints before the sites as long as they fit in memory, where a search goes on to single activations. */
export class CheckpointStore {
  readonly entries = new Map<string, Checkpoint>();
  readonly #arrays = new Set<Float32Array>();
  readonly #restarts: boolean;
  #bytes = 0;

  /** @param choices of all activations: degrees among refreshes are not searched one by one */
  constructor(
    { sites }: Pick<ApproximationContext, 'sites'>,
    choices: ReadonlyMap<string, ActivationChoice>,
  ) {
    this.#restarts = sites.length <= MAX_GREEDY_SITES && ![...choices.values()].some(isRefreshed);
  }

  add(site: ActivationSite, checkpoint: Checkpoint): void {
    if (!this.#restarts) return;
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
