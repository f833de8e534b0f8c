/** A complete little artifact (one linear map, one square, one linear map at N = 8192), for tests of whatever reads artifacts. */
import type { Artifact } from '../artifact.ts';
import type { LinearInstruction, Program } from '../program.ts';
import { certify, type CkksParameters } from '../security.ts';
import { countOperations } from '../semantics/count-operations.ts';
import { fromDense } from '../slot-vector.ts';
import { ProgramBuilder } from './program-builder.ts';
import { refreshableParameters, testParameters } from './test-parameters.ts';

export function smallArtifact(): Artifact {
  const parameters = testParameters(8192, [40, 30, 30, 30], 50, 30);
  const builder = new ProgramBuilder(parameters);
  const average = (factor: number): Pick<LinearInstruction, 'babies' | 'outputs'> => ({
    babies: [
      { source: 0, step: 0, from: -1, via: [] },
      { source: 0, step: 1, from: 0, via: [1] },
    ],
    outputs: [
      {
        giants: [
          {
            step: 0,
            into: -1,
            via: [],
            terms: [
              { baby: 0, diagonal: fromDense(new Float64Array(builder.slotCount).fill(factor)) },
              {
                baby: 1,
                diagonal: fromDense(
                  Float64Array.from({ length: builder.slotCount }, (_, i) => (i < 100 ? factor : 0)),
                ),
              },
            ],
          },
        ],
        reductions: [],
        bias: fromDense(new Float64Array(builder.slotCount).fill(0.25)),
      },
    ],
  });
  const input = builder.input(1);
  const hidden = builder.linear([input], average(0.5));
  const squared = builder.polynomial(hidden, [[0, 0]], { unitLeading: true });
  const output = builder.linear([squared], average(1));
  return artifactOf(builder.build([output]), parameters);
}

/** One refresh of one ciphertext, and what comes after it: a square, in the only ring that can. */
export function refreshingArtifact(): Artifact {
  const parameters = refreshableParameters();
  const builder = new ProgramBuilder(parameters);
  const input = builder.input(1, 2);
  const refreshed = builder.refresh(input);
  return artifactOf(
    builder.build([builder.polynomial(refreshed, [[0, 0]], { unitLeading: true })]),
    parameters,
  );
}

function artifactOf(program: Program, parameters: CkksParameters): Artifact {
  const port = program.inputs[0]!;
  const result = program.outputs[0]!;
  const operations = countOperations(program).total;
  return {
    formatVersion: 2,
    program,
    parameters,
    signature: {
      model: 'small',
      parameters,
      rotationKeys: program.rotationKeys,
      relinearizationLevel: program.relinearizationLevel,
      ...(program.refreshKeys === undefined ? {} : { refreshKeys: program.refreshKeys }),
      inputs: [
        {
          name: port.name,
          layout: port.layout,
          level: program.values[port.value]!.level,
          scale: program.values[port.value]!.scale,
          preprocessing: { pixelScale: 1, mean: [0], std: [1] },
        },
      ],
      outputs: [
        {
          name: result.name,
          layout: result.layout,
          level: program.values[result.value]!.level,
          scale: program.values[result.value]!.scale,
          shape: result.layout.shape,
          clientOperators: [],
          precisionBits: 12,
          bound: 4,
        },
      ],
      labels: [],
    },
    negotiation: {
      scheme_context: 'CKKS',
      poly_modulus_degree: parameters.polyModulusDegree,
      scale: 2 ** parameters.scaleBits,
      coeff_modulus: [...parameters.dataPrimes, ...parameters.specialPrimes].map(String),
      special_primes: parameters.specialPrimes.length,
      key_switching_digits: parameters.dnum,
      security_level: 128,
      max_multiplication_depth: 3,
      input_packing_format: port.layout.format,
      batch_size: 1,
      slot_count: program.slotCount,
      galois_key_mappings: { '1': 'galois:3' },
    },
    certificate: certify(parameters),
    report: {
      compilerVersion: '0.0.0',
      backend: 'seal',
      modelDigest: '0'.repeat(64),
      calibration: 'none',
      approximations: [],
      quality: {
        samples: 0,
        originalAccuracy: null,
        polynomialAccuracy: null,
        agreement: null,
        rmsOutputError: 0,
        maxOutputError: 0,
        rmsOutput: 1,
      },
      depth: 3,
      operations,
      layers: [],
      predicted: {
        precisionBits: 12,
        latencyMs: 1,
        memoryBytes: 1,
        keyBytes: { galois: 1, relinearization: 1, perGaloisKey: 1 },
        inputCiphertextBytes: 1,
        outputCiphertextBytes: 1,
      },
      throughput: null,
      warnings: [],
      costProfile: null,
      sealObstacle: null,
      memoryBudgetMb: 6144,
    },
    polynomialOnnx: new Uint8Array([1, 2, 3]),
  };
}
