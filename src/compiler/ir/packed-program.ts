/**
 * Fifth stage: every tensor has a layout and every linear map its rotations and diagonals, but no scale yet.
 * `manage-scales` turns it into a Program.
 */
import type { Layout } from '../../program/layout.ts';
import type {
  LinearInstruction,
  PolynomialInstruction,
  ProductInstruction,
  RefreshInstruction,
  ValueId,
} from '../../program/program.ts';

export type PackedInstruction =
  | Omit<LinearInstruction, 'level' | 'plainScales'>
  | Omit<PolynomialInstruction, 'level'>
  | Omit<ProductInstruction, 'level'>
  | Omit<RefreshInstruction, 'level'>;

export interface PackedValue {
  readonly id: ValueId;
  readonly layer: string;
  readonly layout: Layout;
  readonly level: number;
  readonly bound: number;
}

export interface PackedProgram {
  readonly slotCount: number;
  readonly inputs: readonly { readonly name: string; readonly value: ValueId }[];
  readonly outputs: readonly { readonly name: string; readonly value: ValueId }[];
  /** Indexed by ValueId; ids equal the LinearGraph's node ids. */
  readonly values: readonly PackedValue[];
  readonly instructions: readonly PackedInstruction[];
  readonly rotationSteps: readonly number[];
}
