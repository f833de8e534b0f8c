/** Worker entry of the secret side. */
import { InternalError } from '../../errors.ts';
import { serve } from '../workers/serve.ts';
import type { SecretOpening } from './secret-worker-session.ts';
import { SecretWorkerSession } from './secret-worker-session.ts';

export interface SecretWorkerMethods {
  readonly open: (opening: SecretOpening) => Promise<void>;
  readonly saveSecretKey: (argument: null) => Uint8Array;
  readonly makePublicKey: (argument: null) => Uint8Array;
  readonly makeKey: SecretWorkerSession['makeKey'];
  readonly makeConjugationKey: SecretWorkerSession['makeConjugationKey'];
  readonly makeRaiseKeys: SecretWorkerSession['makeRaiseKeys'];
  readonly encrypt: SecretWorkerSession['encrypt'];
  readonly decrypt: SecretWorkerSession['decrypt'];
}

/** As a type alias, so that it counts as a record of methods. */
export type SecretWorkerApi = { readonly [M in keyof SecretWorkerMethods]: SecretWorkerMethods[M] };

function makeApi(): SecretWorkerApi {
  let session: SecretWorkerSession | null = null;
  const opened = (): SecretWorkerSession => {
    if (session === null) throw new InternalError('the worker has not been opened');
    return session;
  };
  return {
    open: async (opening) => {
      session = await SecretWorkerSession.open(opening);
    },
    saveSecretKey: () => opened().saveSecretKey(),
    makePublicKey: () => opened().makePublicKey(),
    makeKey: (order) => opened().makeKey(order),
    makeConjugationKey: (order) => opened().makeConjugationKey(order),
    makeRaiseKeys: (order) => opened().makeRaiseKeys(order),
    encrypt: (order) => opened().encrypt(order),
    decrypt: (order) => opened().decrypt(order),
  };
}

serve(makeApi());
