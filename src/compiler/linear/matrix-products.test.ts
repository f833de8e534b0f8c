import { describe, expect, it } from 'vitest';
import { MatrixProducts } from './matrix-products.ts';
import { apply } from './sparse-matrix.ts';
import { dense, weights } from './testing/maps.ts';

describe('MatrixProducts', () => {
  it('forms the product of two matrices once', () => {
    const products = new MatrixProducts();
    const [a, b] = [dense(3, 5, weights(1)), dense(5, 4, weights(2))];
    const product = products.of(a, b);
    const x = Float64Array.of(1, -2, 0.5, 3);
    const expected = apply(a, apply(b, x));
    apply(product, x).forEach((value, row) => expect(value).toBeCloseTo(expected[row]!, 12));
    expect(products.of(a, b)).toBe(product);
    expect(products.of(a, { ...b })).not.toBe(product);
  });
});
