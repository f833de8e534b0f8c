import { logic } from '../logic.ts';

export const or = logic('Or', 'a + b − a · b', { sum: 1, product: -1 });
