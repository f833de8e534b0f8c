import { expect, it } from 'vitest';
import { makeGraph } from './testing/graphs.ts';
import { reportExact } from './report.ts';

const SIZE = 4;
const attributes = { degree: 2, axis: 1, center: [0], halfWidth: [1], coefficients: [0.5, 0, 0.5] };
const graph = makeGraph(
  { x: [1, SIZE] },
  [{ op: 'Polynomial', inputs: ['x'], output: 'y', shape: [1, SIZE], attributes }],
  {},
  ['y'],
);
const samples = (count: number, at: (sample: number) => number): Float32Array =>
  Float32Array.from({ length: count * SIZE }, (_, i) => at(Math.floor(i / SIZE)) * (i % 2 === 0 ? 1 : -1));
const report = (calibrated: Float32Array, heldOut: Float32Array) =>
  reportExact(graph, graph.nodes[0]!, heldOut, calibrated, heldOut);

it('counts inputs that leave what an exact polynomial was calibrated on, beyond the margin of bounds', () => {
  const { range, inputsWithEscapes, escapeRate } = report(
    samples(40, () => 1),
    samples(20, (s) => (s < 2 ? 1.3 : 1.2)),
  );
  expect(range).toEqual([-1.25, 1.25]);
  expect(inputsWithEscapes).toBe(0.1);
  expect(escapeRate).toBe(0.1);
});

it('says what may be, where nothing was seen: the rule of three', () => {
  const { inputsWithEscapes, escapeBound } = report(
    samples(40, () => 1),
    samples(300, () => 1),
  );
  expect(inputsWithEscapes).toBe(0);
  expect(escapeBound).toBeCloseTo(3 / 300, 3);
});

it('takes no calibration sample that stands apart for a measure, nor an overflow for a value', () => {
  const { range, inputsWithEscapes } = report(
    samples(40, (s) => (s === 7 ? 3.4e38 : 1 + s / 100)),
    samples(20, (s) => (s === 3 ? Infinity : 1)),
  );
  expect(range[1]).toBeLessThan(2);
  expect(inputsWithEscapes).toBe(0.05);
});
