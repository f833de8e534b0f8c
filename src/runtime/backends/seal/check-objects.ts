/**
 * Which bytes can be an object of SEAL under given parameters: of each kind there is one layout, with or without a seed in place
 * of the last polynomial, and every field but residues, seed and generator has one value. The rules are those of
 * `native/format`, and stricter than SEAL's own: what passes here, SEAL loads.
 */
import { galoisElement } from '../../../program/galois-element.ts';
import type { Refusal } from './byte-reader.ts';
import { ByteReader } from './byte-reader.ts';

/** What SEAL's objects under one context look like. */
export interface ObjectShape {
  /** Whether ciphertexts are in NTT form, as in CKKS; in BFV they are not. Keys always are. */
  readonly nttCiphertexts: boolean;
  readonly degree: number;
  /** q_0 … q_L. */
  readonly dataPrimes: readonly bigint[];
  readonly specialPrimes: readonly bigint[];
  /** SEAL's identifiers (parms_id) of the levels 0 … L, 32 bytes each. */
  readonly levelIds: readonly Uint8Array[];
  /** Of the whole chain. */
  readonly keyId: Uint8Array;
}

/** Scales of CKKS are computed anew on both sides; they agree up to rounding. That of BFV is 1. */
const SCALE_TOLERANCE = 1e-9;

/** Two polynomials at `level`. @throws ArtifactError */
export function checkCiphertext(
  shape: ObjectShape,
  bytes: Uint8Array,
  level: number,
  scale: number,
  refusal: Refusal,
): void {
  const reader = ByteReader.whole(bytes, refusal);
  const id = reader.parmsId();
  const found = shape.levelIds.findIndex((each) => isSame(each, id));
  if (found === -1) reader.fail('it was made for other parameters');
  if (found !== level) reader.fail(`it is at level ${found} instead of ${level}`);
  const moduli = shape.dataPrimes.slice(0, level + 1);
  checkPolynomials(reader, shape, {
    ntt: shape.nttCiphertexts,
    scale,
    tolerance: shape.nttCiphertexts ? SCALE_TOLERANCE : 0,
    moduli,
  });
}

/** @throws ArtifactError */
export function checkPublicKey(shape: ObjectShape, bytes: Uint8Array, refusal: Refusal): void {
  checkEncryptionOfZero(ByteReader.whole(bytes, refusal), shape);
}

/**
 * Exactly one key: for the rotation by `step`, or of relinearization (null).
 * @throws ArtifactError
 */
export function checkSwitchingKey(
  shape: ObjectShape,
  bytes: Uint8Array,
  step: number | null,
  refusal: Refusal,
): void {
  const { degree, dataPrimes } = shape;
  const reader = ByteReader.whole(bytes, refusal);
  requireKeyId(reader, shape);
  // SEAL lists Galois keys by element, (element − 1) / 2, and relinearization keys by power.
  const [listed, index] = step === null ? [1, 0] : [degree, (galoisElement(step, degree) - 1) / 2];
  const entries = reader.word();
  if (entries !== listed) reader.fail(`it lists ${entries} keys instead of ${listed}`);
  reader.listWithOne(listed, index, (digits) => {
    if (digits === 0) reader.fail(step === null ? 'it holds no key' : 'it holds no key for this step');
    if (digits !== dataPrimes.length) reader.fail(`it has ${digits} digits instead of ${dataPrimes.length}`);
    for (let digit = 0; digit < digits; digit++) checkEncryptionOfZero(reader.enclosed(), shape);
  });
  reader.end();
}

/**
 * A Plaintext in NTT form over the whole chain. That its coefficients are −1, 0 and 1 is not checked here, nor by SEAL.
 * @throws ArtifactError
 */
export function checkSecretKey(shape: ObjectShape, bytes: Uint8Array, refusal: Refusal): void {
  const reader = ByteReader.whole(bytes, refusal);
  requireKeyId(reader, shape);
  checkTransformed(reader, shape, [...shape.dataPrimes, ...shape.specialPrimes], 1);
}

/** In NTT form, at `level`. @throws ArtifactError */
export function checkPlaintext(
  shape: ObjectShape,
  bytes: Uint8Array,
  level: number,
  scale: number,
  refusal: Refusal,
): void {
  const reader = ByteReader.whole(bytes, refusal);
  if (!isSame(reader.parmsId(), shape.levelIds[level]!)) reader.fail(`it is not at level ${level}`);
  checkTransformed(reader, shape, shape.dataPrimes.slice(0, level + 1), scale);
}

/** A SEAL Plaintext in NTT form, from behind its identifier to the reader's end. */
function checkTransformed(
  reader: ByteReader,
  { degree }: ObjectShape,
  moduli: readonly bigint[],
  scale: number,
): void {
  const count = reader.word();
  if (count !== moduli.length * degree) reader.fail('it has a wrong number of coefficients');
  if (reader.real() !== scale) reader.fail(`its scale is not ${scale}`);
  reader.residues(1, degree, moduli);
  reader.end();
}

/** Public keys, and each digit of a switching key. */
function checkEncryptionOfZero(reader: ByteReader, shape: ObjectShape): void {
  requireKeyId(reader, shape);
  const moduli = [...shape.dataPrimes, ...shape.specialPrimes];
  checkPolynomials(reader, shape, { ntt: true, scale: 1, tolerance: 0, moduli });
}

function requireKeyId(reader: ByteReader, { keyId }: ObjectShape): void {
  if (!isSame(reader.parmsId(), keyId)) reader.fail('it was made for other parameters');
}

interface ExpectedMembers {
  readonly ntt: boolean;
  readonly scale: number;
  /** Relative. */
  readonly tolerance: number;
  readonly moduli: readonly bigint[];
}

/** A SEAL Ciphertext of two polynomials, from behind its identifier to the reader's end. */
function checkPolynomials(
  reader: ByteReader,
  { degree }: ObjectShape,
  { ntt, scale, tolerance, moduli }: ExpectedMembers,
): void {
  if (reader.u8() !== Number(ntt))
    reader.fail(ntt ? 'it is not in NTT form' : 'it is not in coefficient form');
  const size = reader.word();
  if (size !== 2) reader.fail(`it has ${size} polynomials instead of 2`);
  const ring = reader.word();
  if (ring !== degree) reader.fail(`its ring has degree ${ring} instead of ${degree}`);
  const limbs = reader.word();
  if (limbs !== moduli.length) reader.fail(`it has ${limbs} primes instead of ${moduli.length}`);
  const found = reader.real();
  // Not a number is not within any tolerance either.
  if (!(Math.abs(found - scale) <= tolerance * scale))
    reader.fail(`its scale is ${found} instead of ${scale}`);
  if (reader.word() !== 1) reader.fail('its correction factor is not 1');
  const seeded = reader.peekArrayCount() === moduli.length * degree;
  reader.residues(seeded ? 1 : 2, degree, moduli);
  if (seeded) reader.seed();
  reader.end();
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}
