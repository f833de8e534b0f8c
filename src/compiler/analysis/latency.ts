/** Predicted time of a program: the costs of its instructions at their levels, summed, on one core. */
import type { RefreshStepTime } from '../../program/artifact.ts';
import type { Instruction, LinearInstruction, Program } from '../../program/program.ts';
import { usesNumbers } from '../../program/program.ts';
import { neededBabies } from '../../program/semantics/evaluate-linear.ts';
import { visitOperations } from '../../program/semantics/count-operations.ts';
import { numberTermsMs } from './batch-cost.ts';
import { operationMs, refreshOf, type CostModel } from './cost-model.ts';

/**
 * Milliseconds per instruction.
 * @param room bytes in which diagonals are kept encoded: as many as leave room for the coefficients of all others; where even
 *   these do not fit, the last ones are encoded from their values each time
 */
export function predictLatency(program: Program, cost: CostModel, room = Infinity): number[] {
  const { expanding: refreshExpanding, left: behind } = roomBehindRefreshes(program, cost, room);
  const lost = lostTerms(program, cost, Math.max(0, -behind));
  // Encoded from the first instruction on, as `encodeAhead` does.
  let left = Math.max(0, behind);
  return program.instructions.map((instruction, index) => {
    if (instruction.kind === 'refresh' && refreshExpanding) {
      const { ciphertexts } = program.values[instruction.input]!;
      return ciphertexts * (refreshOf(cost).ms + refreshOf(cost).expand);
    }
    if (instruction.kind !== 'linear') return primitivesMs(program, instruction, cost);
    const costs = cost.linear(instruction.level);
    const held = termCount(instruction) - lost[index]!;
    const growth = costs.diagonalBytes - costs.coefficientBytes;
    const kept = growth === 0 ? held : Math.min(held, Math.floor(left / growth));
    left -= kept * growth;
    return linearMs(instruction, cost) + (held - kept) * costs.expand + lost[index]! * costs.encode;
  });
}

/** Diagonals of each instruction that not even coefficients are kept of, from the last one on, where so many bytes are missing. */
function lostTerms({ instructions }: Program, cost: CostModel, bytes: number): number[] {
  let missing = bytes;
  return instructions
    .toReversed()
    .map((instruction) => {
      if (instruction.kind !== 'linear') return 0;
      const { coefficientBytes } = cost.linear(instruction.level);
      const lost = Math.min(termCount(instruction), Math.ceil(missing / coefficientBytes));
      missing -= lost * coefficientBytes;
      return lost;
    })
    .reverse();
}

/** The part of each step in what all refreshes of a program take together; empty where nothing is refreshed. */
export function refreshStepMs(program: Program, cost: CostModel, room = Infinity): RefreshStepTime[] {
  const { expanding } = roomBehindRefreshes(program, cost, room);
  const count = program.instructions.reduce(
    (sum, instruction) =>
      instruction.kind === 'refresh' ? sum + program.values[instruction.input]!.ciphertexts : sum,
    0,
  );
  if (count === 0) return [];
  return refreshOf(cost).steps.map(({ step, ms, expand }) => ({
    step,
    ms: count * (ms + (expanding ? expand : 0)),
  }));
}

/** Whether diagonals of refreshes are kept as coefficients only, and what room is left to others beyond their coefficients. */
function roomBehindRefreshes(
  program: Program,
  cost: CostModel,
  room: number,
): { readonly expanding: boolean; readonly left: number } {
  const left = room - diagonalBytes(program, cost, 'coefficientBytes');
  if (!refreshes(program)) return { expanding: false, left };
  // They are encoded first: `encodeAhead`.
  const { diagonalBytes: whole, coefficientBytes } = refreshOf(cost);
  const growth = whole - coefficientBytes;
  return growth <= left ? { expanding: false, left: left - growth } : { expanding: true, left };
}

/** Memory of all diagonals, encoded in full or as coefficients. */
export function diagonalBytes(
  program: Program,
  cost: CostModel,
  form: 'diagonalBytes' | 'coefficientBytes' = 'diagonalBytes',
): number {
  return program.instructions.reduce(
    (sum, instruction) =>
      instruction.kind === 'linear'
        ? sum + termCount(instruction) * cost.linear(instruction.level)[form]
        : sum,
    refreshes(program) ? refreshOf(cost)[form] : 0,
  );
}

function refreshes({ instructions }: Program): boolean {
  return instructions.some(({ kind }) => kind === 'refresh');
}

function termCount({ outputs }: LinearInstruction): number {
  return outputs.reduce((sum, { giants }) => sum + giants.reduce((n, { terms }) => n + terms.length, 0), 0);
}

/** Every diagonal encoded ahead. */
function linearMs(instruction: LinearInstruction, cost: CostModel): number {
  if (usesNumbers(instruction)) {
    // Without rotations and, on node-seal, without products.
    const finishing = instruction.outputs.length * cost.rescale(instruction.level);
    return numberTermsMs(instruction, cost) + finishing;
  }
  const { babies, outputs, level } = instruction;
  const costs = cost.linear(level);
  const needed = neededBabies(instruction);
  const opened = new Set<number>();
  const reopened = new Set<number>();
  let ms = 0;
  babies.forEach(({ source, from, via }, index) => {
    if (needed[index] === 0 || via.length === 0) return;
    const origin = from === -1 || babies[from]!.step === 0 ? null : from;
    if (origin === null) opened.add(source);
    else reopened.add(origin);
    // A rotation in several steps opens what each but the last of them makes.
    ms += via.length * costs.baby + (via.length - 1) * costs.reopen;
  });
  ms += opened.size * costs.open + reopened.size * costs.reopen;
  for (const { giants, reductions, bias } of outputs) {
    const rotations = [...giants.map(({ via }) => via), ...reductions].reduce(
      (sum, via) => sum + via.length,
      0,
    );
    ms += rotations * costs.giant + costs.output + (bias === null ? 0 : cost.add(level - 1));
  }
  return ms + termCount(instruction) * costs.term;
}

function primitivesMs(program: Program, instruction: Instruction, cost: CostModel): number {
  let ms = 0;
  visitOperations(program, instruction, (operation, level) => {
    ms += operationMs(cost, operation, level);
  });
  return ms;
}
