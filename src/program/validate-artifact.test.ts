/** What an artifact says twice must agree: one change at a time, each refused for its own reason. */
import { describe, expect, it } from 'vitest';
import { ArtifactError } from '../errors.ts';
import type { Artifact } from './artifact.ts';
import { nearestNttPrime } from './primes.ts';
import { certify } from './security.ts';
import { refreshingArtifact, smallArtifact } from './testing/small-artifact.ts';
import { validateArtifact } from './validate-artifact.ts';

type Writable<T> = T extends number | bigint | Int32Array | Float64Array | Uint8Array
  ? T
  : { -readonly [K in keyof T]: Writable<T[K]> };
type Loose = Writable<Artifact>;

/** "sound", or the code and the reason. */
function verdict(change: (artifact: Loose) => unknown, artifact = smallArtifact()): string {
  const copy = structuredClone(artifact) as Loose;
  change(copy);
  try {
    validateArtifact(copy);
  } catch (error) {
    if (error instanceof ArtifactError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'sound';
}

/** Gives the artifact other parameters wherever it states them. */
function under(change: Partial<Artifact['parameters']>): Artifact {
  const copy = structuredClone(smallArtifact()) as Loose;
  const parameters = { ...copy.parameters, ...change } as Loose['parameters'];
  Object.assign(copy, { parameters });
  Object.assign(copy.signature, { parameters });
  Object.assign(copy.negotiation, {
    coeff_modulus: [...parameters.dataPrimes, ...parameters.specialPrimes].map(String),
    special_primes: parameters.specialPrimes.length,
    key_switching_digits: parameters.dnum,
    ...(parameters.plainModuli === undefined ? {} : { plain_modulus: parameters.plainModuli.map(String) }),
  });
  Object.assign(copy, { certificate: certify(parameters as Artifact['parameters']) });
  return copy;
}

const clear = under({
  scheme: 'cleartext',
  dataPrimes: Array<bigint>(4).fill(1n << 30n),
  specialPrimes: [],
  dnum: 1,
});

function exactArtifact(): Artifact {
  const copy = under({ scheme: 'bfv', scaleBits: 0, plainModuli: [65537n, 114689n] }) as Loose;
  for (const value of copy.program.values) value.scale = 1;
  for (const input of copy.signature.inputs)
    Object.assign(input, { scale: 1, quantisation: { scale: 0.5, min: -7, max: 7 } });
  for (const output of copy.signature.outputs)
    Object.assign(output, { scale: 1, quantisation: { scale: 0.25 } });
  return copy;
}

it('artifacts that agree with themselves are sound, and keep what is checked of them', () => {
  for (const artifact of [smallArtifact(), clear, exactArtifact(), refreshingArtifact()]) {
    expect(verdict(() => undefined, artifact)).toBe('sound');
    const checked = validateArtifact(structuredClone(artifact));
    expect(checked).toEqual(artifact);
    expect(checked.signature.parameters).toBe(checked.parameters);
    expect(Object.isFrozen(checked.parameters)).toBe(true);
  }
});

describe('refused is', () => {
  it.each<[string, (artifact: Loose) => unknown, RegExp]>([
    ['another type', (a) => Object.assign(a.program, { slotCount: '4096' }), /program\.slotCount: /],
    [
      'a signature under other parameters',
      (a) => Object.assign(a.signature, { parameters: { ...a.parameters, scaleBits: 31 } }),
      /signature names other parameters/,
    ],
    [
      'a signature under insecure parameters',
      (a) => Object.assign(a.signature, { parameters: { ...a.parameters, securityLevel: 256 } }),
      /^PARAMETERS_INSECURE/,
    ],
    ['another number of slots', (a) => (a.program.slotCount = 2048), /slot count is not N \/ 2/],
    ['a program above its chain', (a) => (a.program.values[0]!.level = 4), /value 0 is at level 4, above/],
    [
      'an input too few in the signature',
      (a) => (a.signature.inputs = []),
      /signature lists 0 inputs, the program 1/,
    ],
    [
      'an output too many in the signature',
      (a) => a.signature.outputs.push(a.signature.outputs[0]!),
      /signature lists 2 outputs, the program 1/,
    ],
    ['an input of another name', (a) => (a.signature.inputs[0]!.name = 'z'), /input z differs from the prog/],
    [
      'an input at another level',
      (a) => (a.signature.inputs[0]!.level = 2),
      /input x0 differs from the prog/,
    ],
    ['an output at another scale', (a) => (a.signature.outputs[0]!.scale *= 2), /output y0 differs from the/],
    [
      'an input in another layout',
      (a) => (a.signature.inputs[0]!.layout.positions[1] = 0),
      /input x0 gives one slot to two elements/,
    ],
    [
      'an output in another layout',
      (a) => (a.signature.outputs[0]!.layout.ciphertexts = 2),
      /output y0 has 2 ciphertexts, expected 1/,
    ],
    [
      'an input with ranges of channels that it has not',
      (a) => Object.assign(a.signature.inputs[0]!, { range: { min: [0, 0], max: [1, 1] } }),
      /input x0 has ranges of 2 channels/,
    ],
    [
      'an input with ranges upside down',
      (a) => Object.assign(a.signature.inputs[0]!, { range: { min: [1], max: [0] } }),
      /range: must have as many bounds below as above, and in order/,
    ],
    [
      'an input with more bounds above than below',
      (a) => Object.assign(a.signature.inputs[0]!, { range: { min: [0], max: [1, 1] } }),
      /range: must have as many bounds below as above/,
    ],
    [
      'an output with a range upside down',
      (a) => Object.assign(a.signature.outputs[0]!, { range: { min: 1, max: 0, emptySlots: 'zero' } }),
      /range: must have its bounds in order/,
    ],
    [
      'a rotation key too few in the signature',
      (a) => (a.signature.rotationKeys = []),
      /signature names other keys/,
    ],
    [
      'another relinearization key in the signature',
      (a) => (a.signature.relinearizationLevel = 2),
      /signature names other keys/,
    ],
    [
      'a truncated rotation key in the shape of SEAL',
      (a) => {
        const rotationKeys = [...a.program.rotationKeys, { step: 7, level: 2 }];
        Object.assign(a.program, { rotationKeys });
        Object.assign(a.signature, { rotationKeys });
      },
      /keys in the shape of SEAL are truncated/,
    ],
    [
      'a truncated relinearization key in the shape of SEAL',
      (a) => {
        a.program.relinearizationLevel = 2;
        a.signature.relinearizationLevel = 2;
      },
      /keys in the shape of SEAL are truncated/,
    ],
    ['no certificate', (a) => Object.assign(a, { certificate: null }), /certificate does not match/],
    [
      'a certificate of less modulus',
      (a) => Object.assign(a.certificate!, { logQP: 100 }),
      /certificate does not match the parameters/,
    ],
    [
      'a certificate of a larger ring',
      (a) => Object.assign(a.certificate!, { polyModulusDegree: 16384 }),
      /certificate does not match the parameters/,
    ],
    [
      'a certificate of more security',
      (a) => Object.assign(a.certificate!, { securityBits: 192 }),
      /certificate does not match the parameters/,
    ],
    [
      'a certificate of more noise',
      (a) => Object.assign(a.certificate!, { errorStandardDeviation: 8 }),
      /certificate does not match the parameters/,
    ],
    [
      'weights that are not finite',
      (a) => {
        const [instruction] = a.program.instructions;
        if (instruction?.kind === 'linear') {
          const [term] = instruction.outputs[0]!.giants[0]!.terms;
          term!.diagonal = { indices: null, values: new Float64Array(4096).fill(NaN) };
        }
      },
      /must be finite|program\.instructions/,
    ],
    [
      'how values become integers, where they do not',
      (a) => Object.assign(a.signature.outputs[0]!, { quantisation: { scale: 1 } }),
      /how values become integers, or says it where they do not/,
    ],
    ...Object.entries({
      poly_modulus_degree: 16384,
      security_level: 192,
      slot_count: 8192,
      special_primes: 2,
      key_switching_digits: 3,
      plain_modulus: ['65537'],
      coeff_modulus: ['17'],
    }).map(([field, value]): [string, (artifact: Loose) => unknown, RegExp] => [
      `another ${field} to negotiate`,
      (a) => Object.assign(a.negotiation, { [field]: value }),
      /negotiation values do not match the parameters/,
    ]),
  ])('%s', (_what, change, reason) => {
    expect(verdict(change)).toMatch(/^(ARTIFACT_INVALID|PARAMETERS_INSECURE): /);
    expect(verdict(change)).toMatch(reason);
  });

  it.each<[string, (artifact: Loose) => unknown]>([
    ['an input', (a) => delete a.signature.inputs[0]!.quantisation],
    ['an output', (a) => delete a.signature.outputs[0]!.quantisation],
    [
      'a scaled input',
      (a) => {
        a.signature.inputs[0]!.scale = 2;
        a.program.values[a.program.inputs[0]!.value]!.scale = 2;
      },
    ],
  ])('%s of an exact program that does not say how values become integers', (_what, change) => {
    expect(verdict(change, exactArtifact())).toMatch(/does not say how values become integers/);
  });

  it('other plain moduli to negotiate than those of the parameters', () => {
    expect(verdict((a) => a.negotiation.plain_modulus!.pop(), exactArtifact())).toMatch(/negotiation values/);
  });

  it('a certificate where nothing is secure', () => {
    const { certificate } = smallArtifact();
    expect(verdict((a) => Object.assign(a, { certificate }), clear)).toMatch(/certificate does not match/);
  });

  it('what is no artifact at all', () => {
    for (const nothing of [null, 7, {}, []]) {
      expect(() => validateArtifact(nothing)).toThrow(expect.objectContaining({ code: 'ARTIFACT_INVALID' }));
    }
  });
});

it('keys in another shape than that of SEAL may be truncated', () => {
  const [own] = smallArtifact().parameters.specialPrimes;
  const hybrid = under({ specialPrimes: [own!, nearestNttPrime(2 ** 28, 8192, new Set(), 28)!], dnum: 2 });
  const truncate = (artifact: Loose): void => {
    artifact.program.relinearizationLevel = 2;
    artifact.signature.relinearizationLevel = 2;
  };
  expect(verdict(truncate, hybrid)).toBe('sound');
});

describe('of a program that refreshes, refused is', () => {
  const artifact = refreshingArtifact();
  const ephemeral = (a: Loose) => a.certificate!.ephemeral!;

  it.each<[string, (artifact: Loose) => unknown, RegExp]>([
    ['a signature without its keys', (a) => delete a.signature.refreshKeys, /signature names other keys/],
    [
      'another conjugation key in the signature',
      (a) => Object.assign(a.signature, { refreshKeys: { conjugationLevel: 17, raiseLevel: 17 } }),
      /signature names other keys/,
    ],
    ['a program without its keys', (a) => delete a.program.refreshKeys, /refreshes without keys for it/],
    [
      'a certificate without its second part',
      (a) => delete (a.certificate as { ephemeral?: unknown }).ephemeral,
      /certificate does not match/,
    ],
    ['a certificate of more weight', (a) => (ephemeral(a).weight = 64), /certificate does not match/],
    ['a certificate of less modulus', (a) => (ephemeral(a).logModulus = 60), /certificate does not match/],
    [
      'a certificate of another ring',
      (a) => (ephemeral(a).polyModulusDegree = 65536),
      /certificate does not match/,
    ],
    [
      'an ephemeral secret of less weight',
      (a) => {
        for (const { parameters } of [a, a.signature]) parameters.refresh!.ephemeralWeight = 39;
      },
      /^PARAMETERS_INSECURE: no estimate certifies an ephemeral secret of weight 39/,
    ],
    [
      'another weight in the signature',
      (a) => (a.signature.parameters.refresh!.ephemeralWeight = 64),
      /^PARAMETERS_INSECURE/,
    ],
    [
      'other transforms in the signature',
      (a) => {
        Object.assign(a.signature, { parameters: structuredClone(a.parameters) });
        a.signature.parameters.refresh!.up[0]!.babies = 4;
      },
      /signature names other parameters/,
    ],
    [
      'a program under parameters that have nothing for it',
      (a) => {
        for (const { parameters } of [a, a.signature]) delete parameters.refresh;
      },
      /for which the parameters have nothing/,
    ],
    ...[1, 3, 2 ** 17, 4.5, -4].map((ratio): [string, (artifact: Loose) => unknown, RegExp] => [
      `a ratio of ${ratio}`,
      (a) => Object.assign(a.program.instructions[0]!, { ratio }),
      /ratio/,
    ]),
  ])('%s', (_what, change, reason) => {
    const copy = structuredClone(artifact);
    expect(verdict(change, copy)).toMatch(/^(ARTIFACT_INVALID|PARAMETERS_INSECURE): /);
    expect(verdict(change, copy)).toMatch(reason);
  });

  it('a certificate of an ephemeral secret where there is none', () => {
    const { ephemeral: second } = artifact.certificate!;
    expect(verdict((a) => Object.assign(a.certificate!, { ephemeral: second }))).toMatch(
      /certificate does not/,
    );
  });
});
