/**
 * What evaluates here, where that is left open: the native engine where it is built, else node-seal. The same keys and
 * ciphertexts serve both, so it does not matter which of them an artifact was planned for, as long as node-seal can hold it.
 */
import { BackendError } from '../../errors.ts';
import type { Artifact } from '../../program/artifact.ts';
import { nativeMemory } from '../../program/native-memory.ts';
import type { BackendName } from '../backend.ts';
import { nativeUnavailable } from '../backends/native/load-addon.ts';
import { sealRefusal } from '../backends/seal/refusal.ts';

/** 'auto' leaves it to what is there. */
export type AskedBackend = BackendName | 'auto';

export interface BackendChoice {
  readonly backend: BackendName;
  /** What the user should know: why it is not the native engine, where that was not asked for. */
  readonly note: string | null;
}

/** What the choice depends on, besides what is built here. */
export type ChosenFor = Pick<Artifact, 'program' | 'parameters'> & {
  readonly report: Pick<Artifact['report'], 'memoryBudgetMb'>;
};

const BUILD_HINT = 'build the native engine with "npm run build:native" (a C++20 compiler, make and Python)';
const MIB = 2 ** 20;

/** What a model is compiled for: a program planned for the engine that will run it is many times quicker. */
export function backendToPlanFor(asked: AskedBackend, scheme: 'ckks' | 'bfv'): BackendChoice {
  if (asked !== 'auto') return { backend: asked, note: null };
  // Integer programs run on node-seal alone.
  if (scheme === 'bfv') return { backend: 'seal', note: null };
  const unavailable = nativeUnavailable();
  if (unavailable === null) return { backend: 'native', note: null };
  return { backend: 'seal', note: `planned for node-seal: ${notAvailable(unavailable)}` };
}

/**
 * What evaluates an artifact here. 'auto' takes the native engine, unless it is not there or needs more memory than the artifact
 * was planned for; then node-seal, where that can.
 * @throws BackendError BACKEND_UNAVAILABLE or PARAMETERS_UNSUPPORTED, saying which backend could
 */
export function chooseBackend(artifact: ChosenFor, asked: AskedBackend = 'auto'): BackendChoice {
  const { parameters } = artifact;
  if (asked === 'cleartext') return { backend: asked, note: null };
  if (parameters.scheme === 'cleartext')
    return { backend: asked === 'auto' ? 'cleartext' : asked, note: null };
  if (parameters.scheme === 'bfv') return chooseForIntegers(asked);
  const refusal = sealRefusal(parameters);
  const unavailable = nativeUnavailable();
  if (asked === 'auto' && refusal === null) {
    const against = unavailable === null ? exceedsBudget(artifact) : notAvailable(unavailable);
    if (against === null) return { backend: 'native', note: null };
    return { backend: 'seal', note: `node-seal evaluates: ${against}` };
  }
  if (asked === 'native' || asked === 'auto') {
    if (unavailable === null) return { backend: 'native', note: null };
    const also = refusal === null ? '' : `, and ${refusal}`;
    throw new BackendError(
      'BACKEND_UNAVAILABLE',
      `the native engine is not available: ${unavailable}${also}`,
      {
        hint:
          refusal === null
            ? `use --backend seal, or ${BUILD_HINT}`
            : `${BUILD_HINT}, or compile the model with --backend seal`,
      },
    );
  }
  if (refusal === null) return { backend: 'seal', note: null };
  throw new BackendError('PARAMETERS_UNSUPPORTED', `node-seal cannot evaluate this artifact: ${refusal}`, {
    hint: unavailable === null ? 'use --backend native' : `${BUILD_HINT}; then use --backend native`,
  });
}

function notAvailable(reason: string): string {
  return `the native engine is not available (${reason})`;
}

/** A program planned for node-seal's memory may have less than the engine needs for itself. */
function exceedsBudget({ program, parameters, report: { memoryBudgetMb } }: ChosenFor): string | null {
  if (memoryBudgetMb === undefined) return null;
  const { total } = nativeMemory(program, parameters);
  if (total <= memoryBudgetMb * MIB) return null;
  return `the native engine needs ${Math.ceil(total / MIB)} MiB, the artifact was planned for ${memoryBudgetMb}`;
}

/** The native engine computes on CKKS only; integer programs run on node-seal. */
function chooseForIntegers(asked: 'auto' | 'seal' | 'native'): BackendChoice {
  if (asked !== 'native') return { backend: 'seal', note: null };
  throw new BackendError(
    'PARAMETERS_UNSUPPORTED',
    'the native engine has no BFV: it cannot evaluate this artifact',
    {
      hint: 'use --backend seal, or compile the model with --scheme ckks for the native engine',
    },
  );
}
