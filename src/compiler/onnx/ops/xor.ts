import { logic } from '../logic.ts';

export const xor = logic('Xor', 'a + b − 2 · a · b', { sum: 1, product: -2 });
