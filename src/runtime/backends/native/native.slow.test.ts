import { testParameters } from '../../../program/testing/test-parameters.ts';
import { describeBackendContract } from '../testing/contract.ts';
import { describeNative } from '../testing/describe-native.ts';
import { makeNativeUnderTest } from '../testing/native-under-test.ts';
import { rescaleError } from '../testing/rescale-error.ts';

const SEAL_SHAPED = testParameters(16384, [52, 45, 45, 45, 45, 45, 45], 59, 45);
// Three digits of five primes, above what node-seal knows: 15 levels and a ring that bootstrapping needs.
const LARGEST = testParameters(65536, [50, ...Array<number>(14).fill(45)], [46, 46, 46, 46, 50], 45, 3);

describeNative('native contract of large rings', () => {
  describeBackendContract({
    name: 'native (N = 16384, 128 bits)',
    parameters: SEAL_SHAPED,
    errorUnit: rescaleError(SEAL_SHAPED),
    polynomials: [
      ...Array.from({ length: 16 }, (_, i) => ({ degree: i + 1, unitLeading: false })),
      ...[2, 4, 8, 16].map((degree) => ({ degree, unitLeading: true })),
    ],
    make: (parameters, steps) => makeNativeUnderTest(parameters, steps, { plaintextCacheBytes: 2 ** 28 }),
  });

  describeBackendContract({
    name: 'native (N = 65536, three digits and five special primes, two threads)',
    parameters: LARGEST,
    errorUnit: rescaleError(LARGEST),
    polynomials: [1, 3, 8, 15].map((degree) => ({ degree, unitLeading: false })),
    make: (parameters, steps) =>
      makeNativeUnderTest(parameters, steps, { threads: 2, plaintextCacheBytes: 2 ** 29 }),
  });
});
