import { testParameters } from '../../../program/testing/test-parameters.ts';
import { describeNative } from '../testing/describe-native.ts';
import { describeBitExactness } from './testing/bit-exactness.ts';

describeNative('bit-exactness', () => {
  describeBitExactness({
    name: 'N = 4096',
    parameters: testParameters(4096, [37, 32], 37, 30),
    threads: 1,
    rounds: 3,
  });

  describeBitExactness({
    name: 'N = 8192, primes of 60 and 40 bits',
    parameters: testParameters(8192, [60, 40, 40], 60, 40),
    threads: 1,
    rounds: 2,
  });

  describeBitExactness({
    name: 'N = 8192, primes at the bounds of the vector paths, two threads',
    parameters: testParameters(8192, [50, 46, 47], 49, 40),
    threads: 2,
    rounds: 2,
  });
});
