import { reshaping } from '../reshaping.ts';

export const identity = reshaping({
  name: 'Identity',
  since: [1, 13, 14, 16, 19, 21, 23, 24, 25],
  summary: 'x',
  inputs: [1, 1],
  attributes: {},
  parameters: [],
  inferShapes: (view) => [view.shape(0)],
});
