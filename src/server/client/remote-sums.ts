/** What an aggregator of encrypted sums is asked and told, call by call, besides what rounds of every protocol have. */
import { z } from 'zod';
import type { Admission, SumKey } from '../../federation/encrypted-sum/sum-messages.ts';
import {
  ciphertextsAnswer,
  contributionsAnswer,
  sumKeyAnswer,
  sumRequestAnswer,
} from '../protocol/federation-messages.ts';
import { ConnectionFailure } from './connection.ts';
import type { EnrolledCaller } from './enrolled-caller.ts';
import type { StepOptions } from './remote-model.ts';

const done = z.looseObject({ ok: z.literal(true) });

export type SumKeyAnswer = z.infer<typeof sumKeyAnswer>;
export type ContributionsAnswer = z.infer<typeof contributionsAnswer>;
export type SumRequest = z.infer<typeof sumRequestAnswer>;

export class RemoteSums {
  readonly #enrolled: EnrolledCaller;

  constructor(enrolled: EnrolledCaller) {
    this.#enrolled = enrolled;
  }

  key(round: number, { signal }: StepOptions = {}): Promise<SumKeyAnswer> {
    return this.#enrolled.call('get_sum_key', { round }, sumKeyAnswer, { signal });
  }

  /** The decryptor's call. */
  async publishKey(
    round: number,
    sumKey: SumKey,
    publicKey: Uint8Array,
    { signal }: StepOptions = {},
  ): Promise<void> {
    const key_b64 = Buffer.from(publicKey).toString('base64');
    await this.#enrolled.call('publish_sum_key', { round, sum_key: sumKey, key_b64 }, done, { signal });
  }

  contributions(round: number, { signal }: StepOptions = {}): Promise<ContributionsAnswer> {
    return this.#enrolled.call('get_contributions', { round }, contributionsAnswer, { signal });
  }

  /** The decryptor's call. */
  async admit(round: number, admission: Admission, { signal }: StepOptions = {}): Promise<void> {
    await this.#enrolled.call('admit_roster', { round, admission }, done, { signal });
  }

  request(round: number, { signal }: StepOptions = {}): Promise<SumRequest> {
    return this.#enrolled.call('get_sum_request', { round }, sumRequestAnswer, { signal });
  }

  /**
   * Ciphertexts, one after the other.
   * @param participant null: their sum
   * @param each bytes of one
   * @param count how many there have to be
   * @throws ConnectionFailure where the aggregator sends more or fewer
   */
  async *ciphertexts(
    round: number,
    participant: string | null,
    { each, count }: { readonly each: number; readonly count: number },
    { signal }: StepOptions = {},
  ): AsyncGenerator<Uint8Array> {
    const bytes = each * count;
    let [taken, kept] = [0, Buffer.alloc(0)];
    for (let index = 0, total = 1; index < total; index++) {
      const args = { round, chunk_index: index, ...(participant === null ? {} : { participant }) };
      const answer = await this.#enrolled.call('get_ciphertexts', args, ciphertextsAnswer, { signal });
      const chunk = Buffer.from(answer.chunk_b64, 'base64');
      taken += chunk.length;
      total = answer.total_chunks;
      if (answer.bytes !== bytes || chunk.length === 0 || taken > bytes) throw otherBytes();
      kept = Buffer.concat([kept, chunk]);
      for (; kept.length >= each; kept = kept.subarray(each)) yield kept.subarray(0, each);
    }
    if (taken !== bytes) throw otherBytes();
  }
}

function otherBytes(): ConnectionFailure {
  return new ConnectionFailure('the aggregator sends other ciphertexts than there must be', true);
}
