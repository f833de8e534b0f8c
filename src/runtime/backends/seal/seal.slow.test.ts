import { testParameters } from '../../../program/testing/test-parameters.ts';
import { describeBackendContract } from '../testing/contract.ts';
import { rescaleError } from '../testing/rescale-error.ts';
import { makeSealUnderTest } from '../testing/seal-under-test.ts';

// N = 16384 with six levels, 128 bits: every degree up to 16 in both forms.
const LARGE = testParameters(16384, [52, 45, 45, 45, 45, 45, 45], 59, 45);

describeBackendContract({
  name: 'node-seal (N = 16384, 128 bits)',
  parameters: LARGE,
  errorUnit: rescaleError(LARGE),
  polynomials: [
    ...Array.from({ length: 16 }, (_, i) => ({ degree: i + 1, unitLeading: false })),
    ...[2, 4, 8, 16].map((degree) => ({ degree, unitLeading: true })),
  ],
  make: makeSealUnderTest,
});
