/** What a participant gave to a round before it was masked: what the demonstration and tests hold an opened sum against. */
import { RandomIntegers, seededBytes } from '../../src/federation/privacy/random-integers.ts';
import type { RoundTerms } from '../../src/federation/round-terms.ts';
import { noisedBlocks } from '../../src/federation/update/quantise.ts';
import type { ParticipantVault } from '../../src/server/crypto/federation/participant-vault.ts';

export interface GivenUpdate {
  readonly terms: RoundTerms;
  /** Clipped, rounded, and with its noise. */
  readonly noised: Int32Array;
}

/**
 * Out of the participant's own vault: only who holds it can tell what is under masks or encryption, and only until the round is over.
 * @param contribution name of the round there
 * @returns null once its secrets are gone
 */
export async function readGiven(
  vault: ParticipantVault,
  contribution: string,
  updateId: string,
): Promise<GivenUpdate | null> {
  const sealed = await vault.contribution(contribution);
  if (sealed?.state.secrets == null) return null;
  const { terms } = sealed.state;
  const { values } = await vault.update(updateId);
  const random = new RandomIntegers(seededBytes(`noise ${sealed.state.secrets.noise}`));
  const noised = new Int32Array(terms.form.length);
  let offset = 0;
  for await (const block of noisedBlocks(() => [values], terms.form, terms.noise, random)) {
    noised.set(block, offset);
    offset += block.length;
  }
  return { terms, noised };
}
