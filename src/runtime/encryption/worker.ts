/** Worker entry of public-key encryption: one context, one public key. */
import { availableParallelism } from 'node:os';
import { InternalError } from '../../errors.ts';
import type { CkksParameters } from '../../program/security.ts';
import { BfvPublicSide } from '../backends/bfv/public-side.ts';
import { NativePublicSide } from '../backends/native/public-side.ts';
import { preferNative } from '../backends/prefer-native.ts';
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
  let side: BfvPublicSide | NativePublicSide | SealPublicSide | null = null;
  return {
    open: async ({ parameters, publicKey }) => {
      if (parameters.scheme === 'bfv') {
        side = await BfvPublicSide.create(parameters, publicKey);
        return;
      }
      side = await preferNative<NativePublicSide | SealPublicSide>(
        parameters,
        () => NativePublicSide.create(parameters, publicKey, availableParallelism()),
        () => SealPublicSide.create(parameters, publicKey),
      );
    },
    encrypt: ({ slots, level, scale }) => {
      if (side === null) throw new InternalError('the worker has not been opened');
      return side.encrypt(slots, level, scale);
    },
  };
}

serve(makeApi());
