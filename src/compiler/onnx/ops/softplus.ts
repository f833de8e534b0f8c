import { activation } from '../activation.ts';

/** ln(1 + e^x) without overflow. */
export function softplusOf(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

export const softplus = activation({
  name: 'Softplus',
  since: [1, 22],
  summary: 'ln(1 + e^x)',
  scalar: () => ({ evaluate: softplusOf }),
});
