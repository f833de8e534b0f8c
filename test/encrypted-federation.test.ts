/** A round of the second protocol with real encryption: what is opened is the sum of the noised updates, bit for bit. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Contribution } from '../src/federation/encrypted-sum/contribution.ts';
import { contribute } from '../src/federation/encrypted-sum/contribution.ts';
import { Openings } from '../src/federation/encrypted-sum/openings.ts';
import { RandomIntegers, seededBytes } from '../src/federation/privacy/random-integers.ts';
import {
  Enrolment,
  names,
  roundTerms,
} from '../src/federation/secure-aggregation/testing/simulated-round.ts';
import { noisedBlocks } from '../src/federation/update/quantise.ts';
import { SumDecryptor } from '../src/runtime/client/sum-decryptor.ts';
import { CiphertextSum } from '../src/runtime/sums/ciphertext-sum.ts';
import { SUM_ELEMENTS } from '../src/runtime/sums/sum-parameters.ts';
import { VectorEncryption } from '../src/runtime/sums/vector-encryption.ts';

const LENGTH = 2 * SUM_ELEMENTS + 100;
const sha256 = (parts: readonly Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** Elements in blocks of a ciphertext each. */
function* blocks(seed: number): Generator<Float64Array> {
  for (let begin = 0; begin < LENGTH; begin += SUM_ELEMENTS)
    yield Float64Array.from({ length: Math.min(SUM_ELEMENTS, LENGTH - begin) }, (_, i) =>
      Math.sin(seed * 1000 + begin + i),
    );
}

it('opens the sum of noised updates, exactly, and nothing else', async () => {
  const sites = names(8);
  const enrolment = new Enrolment(sites);
  const terms = roundTerms({
    protocol: 'bfv-sum',
    form: { length: LENGTH, clip: 10, norm: 'l2', scale: 2 ** 16 },
    noise: { mechanism: 'discrete-gaussian', parameter: 4_000_000 },
    minSurvivors: 5,
  });
  using decryptor = await SumDecryptor.open(null);
  const publicKey = decryptor.makePublicKey();
  using encryption = await VectorEncryption.open(publicKey);
  using adder = await CiphertextSum.open();
  const plain = new Int32Array(LENGTH);
  const contributions: Contribution[] = [];
  let sum: Uint8Array[] = [];
  for (const [i, site] of sites.entries()) {
    const random = new RandomIntegers(seededBytes(`noise of ${site}`));
    const ciphertexts: Uint8Array[] = [];
    let offset = 0;
    for await (const block of noisedBlocks(() => blocks(i), terms.form, terms.noise, random)) {
      block.forEach((value, k) => (plain[offset + k]! += value));
      offset += block.length;
      ciphertexts.push(encryption.encrypt(block));
    }
    const named = { publicKey: sha256([publicKey]), ciphertexts: sha256(ciphertexts) };
    contributions.push(contribute(terms, site, named, enrolment.identity(site)));
    sum = i === 0 ? ciphertexts : sum.map((each, k) => adder.add(each, ciphertexts[k]!));
  }
  const openings = new Openings(sha256([publicKey]));
  const request = { terms, contributions, sum: sha256(sum) };
  openings.record(openings.permit(request, enrolment.verify));
  const opened = sum.flatMap((each, k) => [
    ...decryptor.open(each, Math.min(SUM_ELEMENTS, LENGTH - k * SUM_ELEMENTS)),
  ]);
  expect(Int32Array.from(opened)).toEqual(plain);
  expect(() =>
    openings.permit({ ...request, contributions: contributions.slice(1) }, enrolment.verify),
  ).toThrow('another sum of round 1 was opened');
});
