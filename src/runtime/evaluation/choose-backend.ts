/** Which backend evaluates an artifact here: the same keys and ciphertexts serve node-seal and the native engine. */
import { BackendError } from '../../errors.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { BackendName } from '../backend.ts';
import { nativeUnavailable } from '../backends/native/load-addon.ts';
import { sealRefusal } from '../backends/seal/refusal.ts';

export interface BackendChoice {
  readonly backend: BackendName;
  /** What the user should know: that another backend serves in place of the one compiled for. */
  readonly note: string | null;
}

const BUILD_HINT = 'build the native engine with "npm run build:native" (a C++20 compiler, make and Python)';

/**
 * @param asked null takes what the artifact was compiled for, or node-seal in place of a native engine that is not there
 * @throws BackendError BACKEND_UNAVAILABLE or PARAMETERS_UNSUPPORTED, saying which backend could
 */
export function chooseBackend(
  parameters: CkksParameters,
  compiledFor: BackendName,
  asked: BackendName | null,
): BackendChoice {
  const wanted = asked ?? compiledFor;
  if (wanted === 'cleartext' || parameters.scheme === 'cleartext') return { backend: wanted, note: null };
  if (parameters.scheme === 'bfv') return chooseForIntegers(wanted);
  const refusal = sealRefusal(parameters);
  const unavailable = nativeUnavailable();
  if (wanted === 'native') {
    if (unavailable === null) return { backend: 'native', note: null };
    if (asked === null && refusal === null) {
      const note = `the native engine is not available (${unavailable}): node-seal evaluates, more slowly`;
      return { backend: 'seal', note };
    }
    const also = refusal === null ? '' : `, and ${refusal}`;
    throw new BackendError(
      'BACKEND_UNAVAILABLE',
      `the native engine is not available: ${unavailable}${also}`,
      {
        hint: refusal === null ? `use --backend seal, or ${BUILD_HINT}` : BUILD_HINT,
      },
    );
  }
  if (refusal === null) return { backend: 'seal', note: null };
  throw new BackendError('PARAMETERS_UNSUPPORTED', `node-seal cannot evaluate this artifact: ${refusal}`, {
    hint: unavailable === null ? 'use --backend native' : `${BUILD_HINT}; then use --backend native`,
  });
}

/** The native engine computes on CKKS only; integer programs run on node-seal. */
function chooseForIntegers(wanted: BackendName): BackendChoice {
  if (wanted === 'seal') return { backend: 'seal', note: null };
  throw new BackendError(
    'PARAMETERS_UNSUPPORTED',
    'the native engine has no BFV: it cannot evaluate this artifact',
    {
      hint: 'use --backend seal, or compile the model with --scheme ckks for the native engine',
    },
  );
}
