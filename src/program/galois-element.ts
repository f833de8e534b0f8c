/** Names of rotations in the Galois group, as SEAL numbers its keys. */

/**
 * 3^step mod 2N: the automorphism X → X^(3^step) moves the slots left by `step` (Cheon, Han, Kim, Kim and Song, EUROCRYPT
 * 2018, with SEAL's generator 3 in place of 5).
 */
export function galoisElement(step: number, polyModulusDegree: number): number {
  let element = 1;
  for (let i = 0; i < step; i++) element = (element * 3) % (2 * polyModulusDegree);
  return element;
}
