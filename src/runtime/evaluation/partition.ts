/**
 * How the terms of a linear instruction are divided among workers. Rotations dominate, so a division is good if the
 * parts share few of them; which one is, depends on the shape, and is found by dry run.
 */
import { InternalError } from '../../errors.ts';
import { usesNumbers, type LinearInstruction, type Program } from '../../program/program.ts';
import { CountingAlgebra } from '../../program/semantics/counting-algebra.ts';
import type { PrimitiveOperation } from '../../program/semantics/counting-algebra.ts';
import type { TermFilter } from '../../program/semantics/evaluate-linear.ts';
import { accumulateLinear } from '../../program/semantics/evaluate-linear.ts';

/** What the terms are grouped by; a group is never divided. */
export type GroupBy = 'output' | 'giant' | 'source' | 'baby';

export interface Partition {
  readonly by: GroupBy;
  readonly parts: number;
}

const CANDIDATES: readonly GroupBy[] = ['output', 'giant', 'source', 'baby'];

/** Which part computes a term. Deterministic, so that workers need only be told the partition. */
export function partOf(
  instruction: LinearInstruction,
  { by, parts }: Partition,
): (output: number, giant: number, term: number) => number {
  const groupOf = grouping(instruction, by);
  const weights = new Map<string, number>();
  instruction.outputs.forEach((plan, o) => {
    // An output without any terms is work too, and has to be someone's.
    if (by === 'output') weights.set(`${o}`, 1);
    plan.giants.forEach((giant, g) => {
      giant.terms.forEach((_, t) => {
        const group = groupOf(o, g, t);
        weights.set(group, (weights.get(group) ?? 0) + 1);
      });
    });
  });
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  const partOfGroup = new Map<string, number>();
  let before = 0;
  for (const [group, weight] of weights) {
    partOfGroup.set(group, Math.min(parts - 1, Math.floor(((before + weight / 2) / total) * parts)));
    before += weight;
  }
  return (output, giant, term) => partOfGroup.get(groupOf(output, giant, term))!;
}

export function termsOfPart(instruction: LinearInstruction, partition: Partition, part: number): TermFilter {
  const owner = partOf(instruction, partition);
  return (output, giant, term) => owner(output, giant, term) === part;
}

function grouping(instruction: LinearInstruction, by: GroupBy): (o: number, g: number, t: number) => string {
  const babyOf = (o: number, g: number, t: number): number =>
    instruction.outputs[o]!.giants[g]!.terms[t]!.baby;
  switch (by) {
    case 'output':
      return (o) => `${o}`;
    case 'giant':
      return (o, g) => {
        const { giants } = instruction.outputs[o]!;
        let root = g;
        while (giants[root]!.into !== -1) root = giants[root]!.into;
        return `${o}:${root}`;
      };
    case 'source':
      return (o, g, t) => `${instruction.babies[babyOf(o, g, t)]!.source}`;
    case 'baby':
      return (o, g, t) => {
        let root = babyOf(o, g, t);
        while (instruction.babies[root]!.from !== -1) root = instruction.babies[root]!.from;
        return `${root}`;
      };
  }
}

/** Relative cost of primitives on a backend, and of moving one ciphertext from worker to worker. */
export interface OperationCosts {
  operation(operation: PrimitiveOperation, level: number): number;
  transfer(level: number): number;
}

/**
 * SEAL, measured (node-seal 7, N = 16384, milliseconds): a key switch at level l transforms (l+1)(l+2) limbs; the rest
 * is linear in limbs. A transfer stores on one side and checks on the other.
 */
export const SEAL_COSTS: OperationCosts = {
  operation(operation, level) {
    const limbs = level + 1;
    switch (operation) {
      case 'rotate':
      case 'relinearize':
        return 0.4 * limbs * (limbs + 1);
      case 'rescale':
        return 0.55 * limbs;
      case 'multiply':
        return 0.6 * limbs;
      case 'multiplyPlain':
        return 0.22 * limbs;
      case 'add':
      case 'addPlain':
        return 0.04 * limbs;
      case 'encode':
        return 0;
      case 'refresh':
        throw new InternalError('node-seal does not refresh');
    }
  },
  transfer: (level) => 0.5 * (level + 1),
};

/** A partition worth making, or null if one worker alone is as quick. */
export function choosePartition(
  program: Program,
  instruction: LinearInstruction,
  parts: number,
  costs: OperationCosts,
): Partition | null {
  if (parts < 2) return null;
  // Without rotations there is nothing that parts could share.
  if (usesNumbers(instruction)) return { by: 'output', parts: Math.min(parts, instruction.outputs.length) };
  const inputs = instruction.inputs.reduce((sum, id) => sum + program.values[id]!.ciphertexts, 0);
  const { level } = instruction;
  let best: Partition | null = null;
  // Splitting at all costs a transfer of every input, since one worker made it.
  let bestCost = dryRunCost(program, instruction, costs, () => true);
  for (const by of CANDIDATES) {
    const partition = { by, parts };
    const owner = partOf(instruction, partition);
    let slowest = 0;
    for (let part = 0; part < parts; part++) {
      slowest = Math.max(
        slowest,
        dryRunCost(program, instruction, costs, (o, g, t) => owner(o, g, t) === part),
      );
    }
    const exchanged =
      by === 'output'
        ? instruction.outputs.length * costs.transfer(level - 1)
        : instruction.outputs.length * costs.transfer(level);
    const cost = slowest + exchanged + inputs * costs.transfer(level);
    if (cost < bestCost) [best, bestCost] = [partition, cost];
  }
  return best;
}

function dryRunCost(
  program: Program,
  instruction: LinearInstruction,
  costs: OperationCosts,
  includes: TermFilter,
): number {
  let cost = 0;
  const nominal = 2 ** 40;
  const primes = Array<number>(instruction.level + 1).fill(nominal);
  const algebra = new CountingAlgebra(program.slotCount, primes, (operation, level) => {
    cost += costs.operation(operation, level);
  });
  const counts = instruction.inputs.map((id) => program.values[id]!.ciphertexts);
  const inputs = Array.from({ length: counts.reduce((a, b) => a + b, 0) }, () => ({
    level: instruction.level,
    scale: nominal,
    degree: 1 as const,
  }));
  const nominalInstruction = { ...instruction, plainScales: counts.map(() => nominal) };
  accumulateLinear(algebra, nominalInstruction, inputs, counts, nominal, includes);
  return cost;
}
