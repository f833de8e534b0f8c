/** `he-compile check DIR`: every model of a folder, and which operators stand in the way of how many of them. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Diagnostic } from '../src/errors.ts';
import { ArtifactError } from '../src/errors.ts';

export interface CheckedModel {
  readonly model: string;
  readonly supported: boolean;
  readonly nodeCount: number;
  readonly operators: Readonly<Record<string, number>>;
  readonly diagnostics: readonly Diagnostic[];
}

export interface OperatorCoverage {
  readonly operator: string;
  readonly nodes: number;
  readonly models: number;
  /** Nodes with a finding of their own, and one of the findings. */
  readonly refused: number;
  readonly finding: string | null;
  readonly hint: string | null;
}

export interface FolderSummary {
  readonly models: number;
  readonly supported: number;
  readonly nodes: number;
  /** Those that stand in the way of most models first. */
  readonly operators: readonly OperatorCoverage[];
  /** Findings that concern no operator: unreadable files, unknown dimensions … by code. */
  readonly otherFindings: Readonly<Record<string, number>>;
}

/** ONNX files below `folder`, sorted. @throws ArtifactError CHECK_EMPTY */
export async function findModels(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const models = entries
    .filter((entry) => entry.isFile() && /\.onnx$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (models.length === 0) throw new ArtifactError('CHECK_EMPTY', `${folder} holds no .onnx file`);
  return models;
}

export function summarise(checked: readonly CheckedModel[]): FolderSummary {
  const coverage = new Map<
    string,
    { nodes: number; models: number; refused: number; finding: Diagnostic | null }
  >();
  const of = (operator: string) => {
    const known = coverage.get(operator) ?? { nodes: 0, models: 0, refused: 0, finding: null };
    coverage.set(operator, known);
    return known;
  };
  const otherFindings: Record<string, number> = {};
  for (const { operators, diagnostics } of checked) {
    for (const [operator, count] of Object.entries(operators)) {
      const entry = of(operator);
      entry.nodes += count;
      entry.models++;
    }
    for (const finding of diagnostics) {
      if (finding.operator === undefined) {
        otherFindings[finding.code] = (otherFindings[finding.code] ?? 0) + 1;
        continue;
      }
      const entry = of(finding.operator);
      entry.refused++;
      entry.finding ??= finding;
    }
  }
  const operators = [...coverage]
    .map(([operator, { finding, ...counts }]) => ({
      operator,
      ...counts,
      finding: finding?.message ?? null,
      hint: finding?.hint ?? null,
    }))
    .sort((a, b) => b.refused - a.refused || b.nodes - a.nodes || (a.operator < b.operator ? -1 : 1));
  return {
    models: checked.length,
    supported: checked.filter(({ supported }) => supported).length,
    nodes: checked.reduce((sum, { nodeCount }) => sum + nodeCount, 0),
    operators,
    otherFindings,
  };
}

export function summaryText(
  folder: string,
  checked: readonly CheckedModel[],
  summary: FolderSummary,
): string {
  const { models, supported, nodes, operators, otherFindings } = summary;
  const lines = [`${folder}: ${supported} of ${models} models are supported (${nodes} nodes)`, ''];
  for (const { model, supported: fits, nodeCount, diagnostics } of checked) {
    const [first] = diagnostics;
    const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more)` : '';
    lines.push(
      `  ${fits ? 'ok ' : 'no '} ${model}  ${nodeCount} nodes${first === undefined ? '' : `: ${first.message}${more}`}`,
    );
  }
  lines.push('', 'operators:');
  for (const { operator, nodes: count, models: occurs, refused, finding, hint } of operators) {
    const status = refused === 0 ? 'ok' : `${refused} refused`;
    lines.push(`  ${operator.padEnd(24)} ${String(count).padStart(6)} nodes in ${occurs} models  ${status}`);
    if (finding !== null) lines.push(`    ${finding}`);
    if (hint !== null) lines.push(`    to do: ${hint}`);
  }
  for (const [code, count] of Object.entries(otherFindings)) lines.push(`  ${code}: ${count} findings`);
  return lines.join('\n');
}
