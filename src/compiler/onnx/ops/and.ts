import { logic } from '../logic.ts';

export const and = logic('And', 'a · b', { sum: 0, product: 1 });
