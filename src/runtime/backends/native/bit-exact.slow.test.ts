import { testParameters } from '../../../program/testing/test-parameters.ts';
import { describeNative } from '../testing/describe-native.ts';
import { describeBitExactness } from './testing/bit-exactness.ts';

describeNative('bit-exactness of large rings', () => {
  describeBitExactness({
    name: 'N = 16384, primes of 60 and 40 bits',
    parameters: testParameters(16384, [60, ...Array<number>(7).fill(40)], 60, 40),
    threads: 1,
    rounds: 2,
  });

  describeBitExactness({
    name: 'N = 16384, primes of 46 to 50 bits, two threads',
    parameters: testParameters(16384, [50, 46, 46, 46, 46, 48, 49], 50, 40),
    threads: 2,
    rounds: 2,
  });

  describeBitExactness({
    name: 'N = 32768, primes of 60 and 40 bits, two threads',
    parameters: testParameters(32768, [60, ...Array<number>(18).fill(40)], 60, 40),
    threads: 2,
    rounds: 1,
  });
});
