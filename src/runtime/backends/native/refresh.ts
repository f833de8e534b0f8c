/** Refreshes on the engine: transforms and the sine's tape are made ready once for all refreshes that can share them. */
import type { RefreshStepTime } from '../../../program/artifact.ts';
import { evaluateSine } from '../../../program/semantics/evaluate-sine.ts';
import type { RefreshChain, RefreshPlan, RefreshStep } from '../../../program/semantics/refresh-plan.ts';
import { planRefresh } from '../../../program/semantics/refresh-plan.ts';
import type { ComplexDiagonals } from '../../../program/semantics/slot-transform.ts';
import { coefficientsToSlots, slotsToCoefficients } from '../../../program/semantics/slot-transform.ts';
import type { TransformStage } from '../../../program/semantics/transform-stage.ts';
import { stageKey } from '../../../program/semantics/transform-stage.ts';
import type { NativeEngine } from './engine-addon.ts';
import { flattenTransform } from './flatten-transform.ts';
import { TapeRecorder } from './tape-recorder.ts';

/** A refresh made ready: the engine's numbers of its parts. */
export interface PreparedRefresh {
  readonly plan: RefreshPlan;
  readonly down: readonly number[];
  readonly up: readonly number[];
  readonly tape: number;
}

export class NativeRefreshes {
  readonly #engine: NativeEngine;
  readonly #chain: RefreshChain;
  readonly #primes: readonly number[];
  readonly #checkpoint: () => void;
  readonly #prepared = new Map<string, PreparedRefresh>();
  readonly #stages = new Map<string, number>();
  #tape: number | null = null;
  readonly #stepMs = new Map<RefreshStep, number>();

  /** @param checkpoint is called between pieces of work outside the engine, none of which takes a second; it may throw to cancel */
  constructor(engine: NativeEngine, chain: RefreshChain, checkpoint: () => void = () => undefined) {
    this.#engine = engine;
    this.#chain = chain;
    this.#checkpoint = checkpoint;
    this.#primes = chain.dataPrimes.map(Number);
  }

  /**
   * Once for each scale and ratio.
   * @param scale of the value that is refreshed
   */
  prepare(scale: number, ratio: number): PreparedRefresh {
    const key = `${scale}/${ratio}`;
    const known = this.#prepared.get(key);
    if (known !== undefined) return known;
    const plan = planRefresh(this.#chain, { scale, ratio });
    const prepared = {
      plan,
      down: plan.slotsToCoefficients.map((stage) => this.#stage(stage, slotsToCoefficients)),
      up: plan.coefficientsToSlots.map((stage) => this.#stage(stage, coefficientsToSlots)),
      tape: (this.#tape ??= this.#prepareSine(plan)),
    };
    this.#prepared.set(key, prepared);
    return prepared;
  }

  /**
   * The input, at the level of the first transform, stays with the caller, who also gets the result.
   * @param done hears of each step that has been taken, and of what it left, which it may look at
   */
  run(
    { plan, down, up, tape }: PreparedRefresh,
    input: number,
    done: (step: RefreshStep, left: number) => void = () => undefined,
  ): number {
    const engine = this.#engine;
    let current = input;
    let start = performance.now();
    const taken = (step: RefreshStep): void => {
      this.#stepMs.set(step, (this.#stepMs.get(step) ?? 0) + performance.now() - start);
      done(step, current);
      start = performance.now();
    };
    const advance = (next: number): void => {
      if (current !== input) engine.free(current);
      current = next;
    };
    try {
      for (const prepared of down) advance(engine.linear(prepared, Uint32Array.of(current))[0]!);
      taken('slots to coefficients');
      advance(engine.raise(current, plan.declaredScale));
      taken('raise');
      for (const prepared of up) advance(engine.linear(prepared, Uint32Array.of(current))[0]!);
      taken('coefficients to slots');
      advance(engine.runTape(tape, Uint32Array.of(current))[0]!);
      taken('sine');
      return current;
    } catch (error) {
      if (current !== input) engine.free(current);
      throw error;
    }
  }

  /** What steps of all refreshes together have taken so far. */
  stepsMs(): RefreshStepTime[] {
    return [...this.#stepMs].map(([step, ms]) => ({ step, ms }));
  }

  #stage(
    stage: TransformStage,
    diagonalsOf: (slotCount: number, stage: TransformStage) => ComplexDiagonals,
  ): number {
    const key = stageKey(stage);
    const known = this.#stages.get(key);
    if (known !== undefined) return known;
    this.#checkpoint();
    const diagonals = diagonalsOf(stage.slotCount, stage);
    this.#checkpoint();
    const flat = flattenTransform(stage, diagonals, this.#primes[stage.level]!);
    const prepared = this.#engine.prepareLinear(
      flat.structure,
      flat.plainScales,
      flat.outputScale,
      flat.values,
      flat.positions,
    );
    this.#stages.set(key, prepared);
    return prepared;
  }

  #prepareSine({ sine, sineLevel, coefficientsToSlots: stages }: RefreshPlan): number {
    const { slotCount, outputScale } = stages.at(-1)!;
    const recorder = new TapeRecorder(slotCount, this.#primes, 1);
    const argument = recorder.input(0, sineLevel, outputScale);
    const tape = recorder.finish([evaluateSine(recorder, sine, sineLevel, argument)]);
    return this.#engine.prepareTape(tape.structure, tape.scales, tape.values, tape.positions);
  }
}
