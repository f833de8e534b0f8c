/** A refresh on the engine: its transforms and its tape are made once, and run one after another. */
import type { RefreshPlan } from '../../../program/semantics/refresh-plan.ts';
import { evaluateSine } from '../../../program/semantics/evaluate-sine.ts';
import type { TransformStage } from '../../../program/semantics/transform-stage.ts';
import type { NativeEngine } from './engine-addon.ts';
import { flattenTransform } from './flatten-transform.ts';
import { TapeRecorder } from './tape-recorder.ts';

export const REFRESH_STEPS = ['slots to coefficients', 'raise', 'coefficients to slots', 'sine'] as const;
export type RefreshStep = (typeof REFRESH_STEPS)[number];

export class NativeRefresh {
  readonly #engine: NativeEngine;
  readonly #plan: RefreshPlan;
  readonly #down: readonly number[];
  readonly #up: readonly number[];
  readonly #tape: number;

  /** @param primes q_0 … q_L as float64 */
  constructor(engine: NativeEngine, plan: RefreshPlan, primes: readonly number[]) {
    this.#engine = engine;
    this.#plan = plan;
    const prepare = (stage: TransformStage): number => {
      const flat = flattenTransform(stage, primes[stage.level]!);
      return engine.prepareLinear(
        flat.structure,
        flat.plainScales,
        flat.outputScale,
        flat.values,
        flat.positions,
      );
    };
    this.#down = plan.slotsToCoefficients.map(prepare);
    this.#up = plan.coefficientsToSlots.map(prepare);
    const last = plan.coefficientsToSlots.at(-1)!;
    const slotCount = last.diagonals.values().next().value!.re.length;
    const recorder = new TapeRecorder(slotCount, primes, 1);
    const argument = recorder.input(0, plan.sineLevel, last.outputScale);
    const tape = recorder.finish([evaluateSine(recorder, plan.sine, plan.sineLevel, argument)]);
    this.#tape = engine.prepareTape(tape.structure, tape.scales, tape.values, tape.positions);
  }

  /**
   * The input stays with the caller, who also gets the result.
   * @param done hears of each step that has been taken
   */
  run(input: number, done: (step: RefreshStep) => void = () => undefined): number {
    let current = input;
    const advance = (next: number): void => {
      if (current !== input) this.#engine.free(current);
      current = next;
    };
    try {
      for (const prepared of this.#down) advance(this.#engine.linear(prepared, Uint32Array.of(current))[0]!);
      done('slots to coefficients');
      advance(this.#engine.raise(current, this.#plan.declaredScale));
      done('raise');
      for (const prepared of this.#up) advance(this.#engine.linear(prepared, Uint32Array.of(current))[0]!);
      done('coefficients to slots');
      advance(this.#engine.runTape(this.#tape, Uint32Array.of(current))[0]!);
      done('sine');
      return current;
    } catch (error) {
      if (current !== input) this.#engine.free(current);
      throw error;
    }
  }
}
