/**
 * Replaces activations by polynomials in a closed loop (see `approximateActivations`). Assumes batch-norm has been
 * folded where possible. The parts are in `approximation/`.
 */
import type { ActivationChoice } from '../options.ts';
import { throwIfCancelled } from '../reference/cancellation.ts';
import { isRefreshed } from './approximation/degrees.ts';
import type { ApproximationSettings } from './approximation/settings.ts';
import type { ActivationSite } from './approximation/sites.ts';
import type { Approximation, ApproximationContext, Checkpoint } from './approximation/walk.ts';
import { startCheckpoint, Walk } from './approximation/walk.ts';

/**
 * Walks the graph in order with two streams of the calibration samples: the original network, and the network
 * approximated so far. At an activation, polynomials are fitted from the approximated pre-activations to the original
 * activations; at a linear layer with constant weights, the weights are re-solved so that its output on approximated
 * inputs matches the original output (minus the error of the other branch where it is added to one). Each layer so
 * corrects the errors of those before it.
 *
 * @param choices one per site, by site name
 * @param onSite receives the checkpoint before each site
 * @throws CompileError REFERENCE_FAILED or NOT_PIECEWISE_LINEAR, naming the node; BackendError CANCELLED
 */
export async function approximateActivations(
  context: ApproximationContext,
  choices: ReadonlyMap<string, ActivationChoice>,
  from: Checkpoint = startCheckpoint(context),
  onSite?: (site: ActivationSite, checkpoint: Checkpoint) => void,
): Promise<Approximation> {
  const { graph, batch, progress } = context;
  const walk = new Walk(context, from);
  const unrefreshed = settingsBesideRefreshes(choices, context.settings);
  for (let index = from.index; index < graph.nodes.length; index++) {
    throwIfCancelled(progress.signal);
    const node = graph.nodes[index]!;
    const site = context.sites.find((each) => each.nodes.includes(node));
    if (site === undefined) {
      await walk.step(node);
    } else if (site.nodes[0] === node) {
      onSite?.(site, walk.checkpoint(index));
      const choice = choices.get(site.name)!;
      await walk.approximate(site, choice, isRefreshed(choice) ? context.settings : unrefreshed);
    }
    walk.release(index);
    progress.report('approximate-activations', (index + 1) / graph.nodes.length);
  }
  return walk.finish(batch);
}

/** Of sites that are not refreshed: where others are, they have to take more. */
function settingsBesideRefreshes(
  choices: ReadonlyMap<string, ActivationChoice>,
  settings: ApproximationSettings,
): ApproximationSettings {
  if (![...choices.values()].some(isRefreshed)) return settings;
  return { ...settings, highDegreeMargin: settings.unrefreshedMargin };
}
