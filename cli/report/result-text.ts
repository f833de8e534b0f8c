/** One result for the terminal. */
import type { Artifact } from '../../src/program/artifact.ts';
import { classOf } from '../measure/classes.ts';
import type { ResultTensor } from '../results.ts';
import { formatShape, formatSignificant } from './format.ts';

const SHOWN = 12;

/** "scores 1×10: class 7 (7); 0.1 0.2 …" */
export function describeResult({ name, shape, data }: ResultTensor, { signature }: Artifact): string {
  const output = signature.outputs.find((candidate) => candidate.name === name);
  const winner = classOf(data, shape, output?.clientOperators.map(({ op }) => op) ?? []);
  const label = winner === null ? undefined : signature.labels[winner];
  const verdict = winner === null ? '' : ` class ${winner}${label === undefined ? '' : ` (${label})`};`;
  const values = data.slice(0, SHOWN).map((value) => formatSignificant(value, 4));
  return `${name} ${formatShape(shape)}:${verdict} ${values.join(' ')}${data.length > SHOWN ? ' …' : ''}`;
}
