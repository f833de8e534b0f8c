/** What a participant remembers of a round. SECRET: whoever has it before the round ends can take the masks off its update. */
import { createHash } from 'node:crypto';
import type { ByteSource } from '../privacy/random-integers.ts';
import { termsDigest } from '../round-terms.ts';
import { KEY_BYTES, privateKeyOf, publicBytes } from './key-agreement.ts';
import type {
  Advertisement,
  Confirmation,
  Identity,
  Revelation,
  Roster,
  ShareBox,
  SurvivorList,
} from './messages.ts';
import { advertisementBytes, toBase64 } from './messages.ts';
import type { RoundTerms } from '../round-terms.ts';

/** Where a participant stands; each stage allows one step forward, and the last one again. */
export type ParticipantStage =
  'joined' | 'shared' | 'received' | 'masked' | 'confirmed' | 'revealed' | 'aborted';

/** Shares that a neighbour has entrusted, Base64. */
export interface EntrustedShares {
  readonly of: string;
  readonly seed: string;
  readonly key: string;
}

/** JSON. Fields come with the stages; secrets go with the last. */
export interface ParticipantState {
  readonly version: 1;
  readonly terms: RoundTerms;
  readonly name: string;
  stage: ParticipantStage;
  readonly advertisement: Advertisement;
  /** Base64, 32 bytes each; null once the round is over for this participant. */
  secrets: {
    readonly maskKey: string;
    readonly channelKey: string;
    /** Of its own mask. */
    readonly seed: string;
    /** Of its noise: the same noise after a restart. */
    readonly noise: string;
  } | null;
  roster: Roster | null;
  /** What it sent; the same when asked again, for one secret is split once. */
  boxes: readonly ShareBox[] | null;
  /** Of all neighbours that shared, sorted: with these it has masks in common. */
  entrusted: readonly EntrustedShares[] | null;
  /** SHA-256, hex, of each block of the masked update that was made. */
  readonly blocks: string[];
  /** SHA-256, hex, of the whole masked update, little endian. */
  vector: string | null;
  /** The one list that it confirmed. */
  list: SurvivorList | null;
  confirmation: Confirmation | null;
  revelation: Revelation | null;
  /** Why it left the round. */
  aborted: string | null;
}

/** Of one who joins: four secrets are drawn, and two public keys and the digest of a seed announced. */
export function newState(
  terms: RoundTerms,
  name: string,
  identity: Identity,
  random: ByteSource,
): ParticipantState {
  const draw = (): Uint8Array => {
    const bytes = new Uint8Array(KEY_BYTES);
    random(bytes);
    return bytes;
  };
  const [maskKey, channelKey, seed, noise] = [draw(), draw(), draw(), draw()];
  const unsigned = {
    participant: name,
    maskKey: toBase64(publicBytes(privateKeyOf(maskKey))),
    channelKey: toBase64(publicBytes(privateKeyOf(channelKey))),
    seedDigest: createHash('sha256').update(seed).digest('hex'),
  };
  const signature = toBase64(identity.sign(advertisementBytes(termsDigest(terms), unsigned)));
  return {
    version: 1,
    terms: structuredClone(terms),
    name,
    stage: 'joined',
    advertisement: { ...unsigned, signature },
    secrets: {
      maskKey: toBase64(maskKey),
      channelKey: toBase64(channelKey),
      seed: toBase64(seed),
      noise: toBase64(noise),
    },
    roster: null,
    boxes: null,
    entrusted: null,
    blocks: [],
    vector: null,
    list: null,
    confirmation: null,
    revelation: null,
    aborted: null,
  };
}
