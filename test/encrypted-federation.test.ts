/** A round of the second protocol with real encryption, in one process: what is opened is the sum of the noised updates, bit for bit. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { EncryptedSumAggregator } from '../src/federation/encrypted-sum/aggregator.ts';
import { RoundDecryptor } from '../src/federation/encrypted-sum/decryptor.ts';
import { EncryptedParticipant } from '../src/federation/encrypted-sum/participant.ts';
import { RandomIntegers, systemBytes } from '../src/federation/privacy/random-integers.ts';
import {
  Enrolment,
  names,
  roundTerms,
} from '../src/federation/secure-aggregation/testing/simulated-round.ts';
import { noisedBlocks } from '../src/federation/update/quantise.ts';
import { addVectors } from '../src/runtime/sums/add-vectors.ts';
import { SumDecryptor } from '../src/runtime/client/sum-decryptor.ts';
import { CiphertextSum } from '../src/runtime/sums/ciphertext-sum.ts';
import { SUM_ELEMENTS } from '../src/runtime/sums/sum-parameters.ts';
import { VectorEncryption } from '../src/runtime/sums/vector-encryption.ts';

const LENGTH = 2 * SUM_ELEMENTS + 100;
const DECRYPTOR = 'decryptor';
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

async function* stream(ciphertexts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* ciphertexts;
}

it('opens the sum of noised updates, exactly, once', async () => {
  const sites = names(8);
  const enrolment = new Enrolment([...sites, DECRYPTOR]);
  const { verify } = enrolment;
  const terms = roundTerms({
    protocol: 'bfv-sum',
    form: { length: LENGTH, clip: 10, norm: 'l2', scale: 2 ** 16 },
    noise: { mechanism: 'discrete-gaussian', parameter: 4_000_000 },
    minSurvivors: 5,
  });
  const aggregator = EncryptedSumAggregator.open(terms, DECRYPTOR, verify);
  using opener = await SumDecryptor.open(null);
  const publicKey = opener.makePublicKey();
  const decryptor = RoundDecryptor.begin(terms, sha256([publicKey]));
  aggregator.addKey(decryptor.key(enrolment.identity(DECRYPTOR)), publicKey);
  using encryption = await VectorEncryption.open(publicKey);
  const plain = new Int32Array(LENGTH);
  const participants: EncryptedParticipant[] = [];
  const ciphertexts = new Map<string, Uint8Array[]>();
  for (const [i, site] of sites.entries()) {
    const participant = EncryptedParticipant.join(terms, site, enrolment.identity(site), systemBytes);
    participant.checkKey(aggregator.key!.message, sha256([publicKey]), DECRYPTOR, verify);
    const random = new RandomIntegers(participant.noiseBytes());
    const encrypted: Uint8Array[] = [];
    let offset = 0;
    for await (const block of noisedBlocks(() => blocks(i), terms.form, terms.noise, random)) {
      block.forEach((value, k) => (plain[offset + k]! += value));
      offset += block.length;
      encrypted.push(encryption.encrypt(block));
    }
    ciphertexts.set(site, encrypted);
    participants.push(participant);
    aggregator.addContribution(
      participant.announce({ publicKey: sha256([publicKey]), ciphertexts: sha256(encrypted) }),
    );
  }
  aggregator.closeRoster();
  aggregator.addAdmission(decryptor.admit(aggregator.contributions, enrolment.identity(DECRYPTOR), verify));
  aggregator.closeAdmission();
  for (const participant of participants) {
    participant.release(aggregator.contributions, aggregator.admission!, DECRYPTOR, verify);
    aggregator.addUpload(participant.name, sha256(ciphertexts.get(participant.name)!));
  }
  aggregator.closeUploads();
  using adder = await CiphertextSum.open();
  const sum: Uint8Array[] = [];
  const added = addVectors(
    adder,
    sites.map((site) => stream(ciphertexts.get(site)!)),
  );
  for await (const ciphertext of added) sum.push(ciphertext);
  aggregator.setSum(sha256(sum));
  for (const participant of participants.slice(0, 2))
    aggregator.addConfirmation(participant.confirm(aggregator.list!, sha256(sum)));
  aggregator.closeConfirmations();
  decryptor.permit(aggregator.list!, aggregator.confirmations, verify);
  const opened = sum.flatMap((each, k) => [
    ...opener.open(each, Math.min(SUM_ELEMENTS, LENGTH - k * SUM_ELEMENTS)),
  ]);
  expect(Int32Array.from(opened)).toEqual(plain);
  const fewer = { ...aggregator.list!, survivors: sites.slice(1) };
  expect(() => decryptor.permit(fewer, [], verify)).toThrow('another sum of this round was opened');
});
