/** Consistency of an untrusted program: references, levels, rotations, layouts, coefficient counts. */
import type { z } from 'zod';
import { ArtifactError } from '../errors.ts';
import type * as schema from './artifact-schema.ts';
import type { InputRange } from './certified-range.ts';
import { refreshKeyNeeds } from './key-needs.ts';
import { elementCount } from './layout.ts';
import type { ParametersLiteral } from './parameters.ts';
import { polynomialDepth } from './program.ts';
import { refreshOutputScale, refreshShape } from './semantics/refresh-plan.ts';

const MAX_ELEMENTS = 2 ** 28;

export function invalid(message: string): never {
  throw new ArtifactError('ARTIFACT_INVALID', `the artifact is inconsistent: ${message}`, {
    hint: 'compile the model again',
  });
}

export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) invalid(message);
}

export type LayoutLike = z.infer<typeof schema.layout>;

export function checkLayout(value: LayoutLike, slotCount: number, ciphertexts: number, what: string): void {
  demand(value.slotCount === slotCount, `${what} has ${value.slotCount} slots, expected ${slotCount}`);
  demand(
    value.ciphertexts === ciphertexts,
    `${what} has ${value.ciphertexts} ciphertexts, expected ${ciphertexts}`,
  );
  demand(slotCount % value.period === 0, `${what} has a period that does not divide ${slotCount}`);
  demand(value.period === slotCount || ciphertexts === 1, `${what} is copied across several ciphertexts`);
  const elements = elementCount(value.shape);
  demand(elements <= MAX_ELEMENTS && value.positions.length === elements, `${what} does not cover its shape`);
  const limit = ciphertexts * slotCount;
  // A bit for each slot, since whoever states few elements may state two thousand million slots.
  const seen = new Uint32Array(Math.ceil((ciphertexts === 1 ? value.period : limit) / 32));
  for (const position of value.positions) {
    demand(position >= 0 && position < limit, `${what} has a position outside its ciphertexts`);
    const slot = ciphertexts === 1 ? position % value.period : position;
    const bit = 1 << (slot % 32);
    demand((seen[slot >>> 5]! & bit) === 0, `${what} gives one slot to two elements`);
    seen[slot >>> 5]! |= bit;
  }
}

/** Bounds are those of all elements or of every channel (axis 1). */
export function checkInputRange(range: InputRange | undefined, shape: readonly number[], what: string): void {
  const channels = range?.min.length ?? 1;
  demand(
    channels === 1 || channels === shape[1],
    `${what} has ranges of ${channels} channels, its shape [${shape.join(', ')}] does not`,
  );
}

type VectorLike = z.infer<typeof schema.slotVector>;

function checkCoefficient(coefficient: number | VectorLike, slotCount: number, what: string): void {
  if (typeof coefficient !== 'number') checkVector(coefficient, slotCount, what);
}

function checkVector(vector: VectorLike, slotCount: number, what: string): void {
  if (vector.indices === null) {
    demand(
      vector.values.length === slotCount,
      `${what} has ${vector.values.length} entries, expected ${slotCount}`,
    );
    return;
  }
  demand(vector.indices.length === vector.values.length, `${what} has unequal index and value counts`);
  let last = -1;
  for (const index of vector.indices) {
    demand(index > last && index < slotCount, `${what} has an index out of order or range`);
    last = index;
  }
}

/** The same for all refreshes under a chain. */
interface RefreshDemands {
  readonly inputLevel: number;
  readonly outputLevel: number;
  readonly outputScale: number;
  readonly needs: ReturnType<typeof refreshKeyNeeds>;
}

function refreshDemands(parameters: ParametersLiteral): RefreshDemands {
  const { slotsToCoefficients, outputLevel } = refreshShape(parameters);
  return {
    inputLevel: slotsToCoefficients.length,
    outputLevel,
    outputScale: refreshOutputScale(parameters),
    needs: refreshKeyNeeds(parameters),
  };
}

/** Every reference of the program resolves, levels follow, and rotations name only keyed steps. */
export function checkProgram(value: z.infer<typeof schema.program>, parameters: ParametersLiteral): void {
  const { slotCount, values, rotationKeys, relinearizationLevel, refreshKeys } = value;
  const levels = parameters.dataPrimes.length;
  const keyLevels = new Map(rotationKeys.map(({ step, level }) => [step, level]));
  rotationKeys.forEach(({ step, level }, index) => {
    demand(step > (rotationKeys[index - 1]?.step ?? 0), 'rotation steps do not ascend');
    demand(step < slotCount, 'a rotation step reaches past the slots');
    demand(level < levels, `the key of step ${step} is for level ${level}, above the chain`);
  });
  demand((relinearizationLevel ?? 0) < levels, 'the relinearization key is for a level above the chain');
  demand(
    (refreshKeys?.conjugationLevel ?? 0) < levels && (refreshKeys?.raiseLevel ?? 0) < levels,
    'a key of refreshes is for a level above the chain',
  );
  const keyed = (via: readonly number[], level: number, what: string): void => {
    for (const step of via) {
      const keyLevel = keyLevels.get(step);
      demand(keyLevel !== undefined, `${what} rotates by ${step}, for which there is no key`);
      demand(keyLevel >= level, `${what} rotates by ${step} at level ${level}, above its key's`);
    }
  };
  const multiplies = (level: number, what: string): void => {
    demand(
      relinearizationLevel !== null && relinearizationLevel >= level,
      `${what} multiplies at level ${level}, above the relinearization key's`,
    );
  };
  let refreshes: RefreshDemands | null = null;
  const total = (via: readonly number[]): number => via.reduce((sum, step) => (sum + step) % slotCount, 0);
  values.forEach((info, id) => {
    demand(info.id === id, `value ${id} is listed as ${info.id}`);
    demand(info.level < levels, `value ${id} is at level ${info.level}, above the chain`);
  });
  const ready = new Set<number>();
  const use = (id: number, level: number, what: string): (typeof values)[number] => {
    const info = values[id];
    demand(info !== undefined && ready.has(id), `${what} uses value ${id} before it exists`);
    demand(info.level >= level, `${what} needs value ${id} at level ${level}, it has ${info.level}`);
    return info;
  };
  const produce = (id: number, level: number, what: string): (typeof values)[number] => {
    const info = values[id];
    demand(info !== undefined && !ready.has(id), `${what} produces value ${id} twice or out of range`);
    demand(
      info.level === level,
      `${what} yields level ${level}, but value ${id} is declared at ${info.level}`,
    );
    ready.add(id);
    return info;
  };
  for (const input of value.inputs) {
    const info = values[input.value];
    demand(info !== undefined && !ready.has(input.value), `input ${input.name} has no value of its own`);
    ready.add(input.value);
    checkLayout(input.layout, slotCount, info.ciphertexts, `input ${input.name}`);
  }
  for (const step of value.instructions) {
    const what = `layer ${step.layer}`;
    switch (step.kind) {
      case 'linear': {
        const sources = step.inputs.map((id) => use(id, step.level, what));
        const inputCount = sources.reduce((sum, info) => sum + info.ciphertexts, 0);
        const output = produce(step.output, step.level - 1, what);
        demand(step.plainScales.length === step.inputs.length, `${what} lacks a plaintext scale`);
        demand(step.outputs.length === output.ciphertexts, `${what} yields the wrong number of ciphertexts`);
        step.babies.forEach((baby, index) => {
          demand(baby.source < inputCount && baby.from < index, `${what} has a rotation out of order`);
          keyed(baby.via, step.level, what);
          const start = baby.from < 0 ? 0 : step.babies[baby.from]!.step;
          demand(
            baby.from < 0 || step.babies[baby.from]!.source === baby.source,
            `${what} mixes ciphertexts`,
          );
          demand(
            (start + total(baby.via)) % slotCount === baby.step,
            `${what} has a rotation that does not add up`,
          );
        });
        for (const plan of step.outputs) {
          demand(plan.giants.length > 0, `${what} has an output without terms`);
          plan.giants.forEach((giant, index) => {
            demand(
              giant.into === -1 || (giant.into > index && giant.into < plan.giants.length),
              `${what} has giants out of order`,
            );
            keyed(giant.via, step.level, what);
            for (const term of giant.terms) {
              demand(term.baby < step.babies.length, `${what} uses a rotation that is not there`);
              checkCoefficient(term.diagonal, slotCount, what);
            }
          });
          for (const reduction of plan.reductions) keyed(reduction, step.level, what);
          if (plan.bias !== null) checkCoefficient(plan.bias, slotCount, what);
        }
        break;
      }
      case 'polynomial': {
        const source = use(step.input, step.level, what);
        multiplies(step.level, what);
        demand(
          !step.unitLeading || Number.isInteger(Math.log2(step.degree)),
          `${what} has a unit leading term of odd degree`,
        );
        const depth = polynomialDepth(step.degree, step.unitLeading);
        demand(depth <= step.level, `${what} needs ${depth} levels`);
        const output = produce(step.output, step.level - depth, what);
        demand(output.ciphertexts === source.ciphertexts, `${what} changes the number of ciphertexts`);
        demand(step.coefficients.length === source.ciphertexts, `${what} lacks coefficients`);
        for (const row of step.coefficients) {
          demand(
            row.length === step.degree + (step.unitLeading ? 0 : 1),
            `${what} has the wrong number of coefficients`,
          );
          for (const coefficient of row) checkCoefficient(coefficient, slotCount, what);
        }
        break;
      }
      case 'product': {
        const left = use(step.left, step.level, what);
        const right = use(step.right, step.level, what);
        multiplies(step.level, what);
        const output = produce(step.output, step.level - 1, what);
        demand(
          left.ciphertexts === right.ciphertexts && output.ciphertexts === left.ciphertexts,
          `${what} has unequal operands`,
        );
        break;
      }
      case 'refresh': {
        demand(parameters.refresh !== undefined, `${what} refreshes, for which the parameters have nothing`);
        refreshes ??= refreshDemands(parameters);
        const { inputLevel, outputLevel, outputScale, needs } = refreshes;
        const source = use(step.input, step.level, what);
        demand(step.level === inputLevel, `${what} refreshes from level ${step.level}, not ${inputLevel}`);
        demand(Number.isInteger(Math.log2(step.ratio)), `${what} has a ratio that is no power of two`);
        demand(source.bound <= 1, `${what} refreshes values beyond 1, which would come back as others`);
        for (const key of needs.rotationKeys) keyed([key.step], key.level, what);
        multiplies(needs.relinearizationLevel, what);
        demand(
          refreshKeys !== undefined &&
            refreshKeys.conjugationLevel >= needs.refreshKeys.conjugationLevel &&
            refreshKeys.raiseLevel === needs.refreshKeys.raiseLevel,
          `${what} refreshes without keys for it`,
        );
        const output = produce(step.output, outputLevel, what);
        demand(output.scale === outputScale, `${what} yields scale ${outputScale}, not ${output.scale}`);
        demand(output.ciphertexts === source.ciphertexts, `${what} changes the number of ciphertexts`);
        break;
      }
    }
  }
  demand(
    (refreshes !== null) === (refreshKeys !== undefined),
    'there are keys for refreshes, but none of these',
  );
  for (const output of value.outputs) {
    const info = use(output.value, 0, `output ${output.name}`);
    checkLayout(output.layout, slotCount, info.ciphertexts, `output ${output.name}`);
  }
}
