/** A made-up but plausible federation, so that its report can be rendered and tested without training anything. */
import type { FederationReport, FederationRound, FederationRun } from './federation-report.ts';

const NAMES = ['berlin', 'brno', 'ghent', 'lyon', 'oslo', 'porto', 'turin', 'vienna'];
const WEIGHTS = 5874;

function round(number: number, accuracy: number, epsilon: number | null): FederationRound {
  return {
    round: number,
    joined: NAMES.length,
    dropouts: number === 2 ? ['ghent', 'porto'] : [],
    accuracy,
    updateNorms: { least: 1.2, most: 3.4 },
    meanNorm: 2.5,
    sum: { weights: WEIGHTS, wrong: 0, untold: 0 },
    epsilon: epsilon === null ? null : { least: epsilon, most: epsilon },
  };
}

const PLAIN: FederationRun = {
  mechanism: 'none',
  epsilonPlanned: null,
  delta: 1e-5,
  noiseMultiplier: 0,
  clip: 5,
  minSurvivors: 6,
  colluders: 0,
  noiseNorm: 0,
  initialAccuracy: 0.12,
  rounds: [round(1, 0.69, null), round(2, 0.83, null), round(3, 0.87, null)],
};

export const SAMPLE_FEDERATION: FederationReport = {
  seed: 1,
  participants: NAMES,
  parameters: WEIGHTS,
  trainingDigits: 1200,
  testDigits: 500,
  plain: PLAIN,
  noised: {
    ...PLAIN,
    mechanism: 'discrete-gaussian',
    epsilonPlanned: 4,
    delta: 1e-6,
    noiseMultiplier: 2.2,
    clip: 0.3,
    colluders: 1,
    noiseNorm: 8,
    rounds: [round(1, 0.15, 2.1), round(2, 0.19, 3.2), round(3, 0.14, 3.99)],
  },
  encrypted: {
    picture: 'data:image/png;base64,AAAA',
    label: 9,
    encryptedClass: 9,
    plaintextClass: 9,
    maxAbsError: 1.3e-5,
    backend: 'native',
    compileMs: 3400,
    keygenMs: 600,
    evaluateMs: 340,
  },
  totalMs: 60_000,
};
