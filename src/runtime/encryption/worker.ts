/** Worker entry of public-key encryption: one context, one public key. */
import { InternalError } from '../../errors.ts';
import type { CkksParameters } from '../../program/security.ts';
import { SealPublicSide } from '../backends/seal/public-side.ts';
import { serve } from '../workers/serve.ts';
import type { EncryptionOrder } from './encrypt-inputs.ts';

export interface PublicOpening {
  readonly parameters: CkksParameters;
  readonly publicKey: Uint8Array;
}

/** As a type alias, so that it counts as a record of methods. */
export type PublicWorkerApi = {
  readonly open: (opening: PublicOpening) => Promise<void>;
  readonly encrypt: (order: EncryptionOrder) => Uint8Array;
};

function makeApi(): PublicWorkerApi {
  let side: SealPublicSide | null = null;
  return {
    open: async ({ parameters, publicKey }) => {
      side = await SealPublicSide.create(parameters, publicKey);
    },
    encrypt: ({ slots, level, scale }) => {
      if (side === null) throw new InternalError('the worker has not been opened');
      return side.encrypt(slots, level, scale);
    },
  };
}

serve(makeApi());
