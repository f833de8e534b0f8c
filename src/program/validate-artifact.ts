/**
 * Structure and consistency of an artifact from untrusted bytes. Afterwards every index is in range, every number finite,
 * every level what the instructions say, and the parameters passed the security check: the runtime relies on it.
 */
import { isDeepStrictEqual } from 'node:util';
import { ArtifactError, HeError } from '../errors.ts';
import { artifact } from './artifact-schema.ts';
import type { Artifact } from './artifact.ts';
import {
  checkInputRange,
  checkLayout,
  checkProgram,
  demand,
  invalid,
  type LayoutLike,
} from './check-program.ts';
import type { Program } from './program.ts';
import { isSealShaped } from './parameters.ts';
import { certify, checkParameters } from './security.ts';

/** @throws ArtifactError ARTIFACT_INVALID, PARAMETERS_INSECURE, PARAMETERS_INVALID */
export function validateArtifact(untrusted: unknown): Artifact {
  const parsed = artifact.safeParse(untrusted);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    invalid(`${issue?.path.join('.') ?? 'root'}: ${issue?.message ?? 'does not match'}`);
  }
  const value = parsed.data;
  try {
    const checked = checkParameters(value.parameters);
    checkParameters(value.signature.parameters);
    demand(
      JSON.stringify(value.signature.parameters, bigintText) === JSON.stringify(value.parameters, bigintText),
      'the signature names other parameters',
    );
    demand(value.program.slotCount * 2 === checked.polyModulusDegree, 'the slot count is not N / 2');
    checkProgram(value.program, checked);
    const ports = (
      list: readonly { name: string; layout: LayoutLike; level: number; scale: number }[],
      own: Program['inputs'],
      what: string,
    ): void => {
      demand(
        list.length === own.length,
        `the signature lists ${list.length} ${what}s, the program ${own.length}`,
      );
      list.forEach((entry, index) => {
        const port = own[index]!;
        const info = value.program.values[port.value]!;
        demand(
          entry.name === port.name && entry.level === info.level && entry.scale === info.scale,
          `${what} ${entry.name} differs from the program's`,
        );
        checkLayout(entry.layout, value.program.slotCount, info.ciphertexts, `${what} ${entry.name}`);
      });
    };
    ports(value.signature.inputs, value.program.inputs, 'input');
    ports(value.signature.outputs, value.program.outputs, 'output');
    for (const { name, range, layout } of value.signature.inputs) {
      checkInputRange(range, layout.shape, `input ${name}`);
    }
    demand(
      isDeepStrictEqual(value.signature.rotationKeys, value.program.rotationKeys) &&
        value.signature.relinearizationLevel === value.program.relinearizationLevel &&
        isDeepStrictEqual(value.signature.refreshKeys, value.program.refreshKeys),
      'the signature names other keys',
    );
    const top = checked.dataPrimes.length - 1;
    demand(
      !isSealShaped(checked) ||
        [
          ...value.program.rotationKeys.map(({ level }) => level),
          value.program.relinearizationLevel ?? top,
          value.program.refreshKeys?.conjugationLevel ?? top,
        ].every((level) => level === top),
      'keys in the shape of SEAL are truncated',
    );
    const certificate = certify(checked);
    demand(
      states(value.certificate, certificate) &&
        states(value.certificate?.ephemeral ?? null, certificate?.ephemeral ?? null),
      'the certificate does not match the parameters',
    );
    demand(
      value.negotiation.poly_modulus_degree === checked.polyModulusDegree &&
        value.negotiation.security_level === checked.securityLevel &&
        value.negotiation.slot_count === value.program.slotCount &&
        value.negotiation.special_primes === checked.specialPrimes.length &&
        value.negotiation.key_switching_digits === checked.dnum &&
        String(value.negotiation.plain_modulus) === String(checked.plainModuli) &&
        value.negotiation.coeff_modulus.join() === [...checked.dataPrimes, ...checked.specialPrimes].join(),
      'the negotiation values do not match the parameters',
    );
    const exact = checked.scheme === 'bfv';
    demand(
      [...value.signature.inputs, ...value.signature.outputs].every(
        ({ quantisation, scale }) => (quantisation !== undefined) === exact && (!exact || scale === 1),
      ),
      'the signature does not say how values become integers, or says it where they do not',
    );
    const signatureChecked = { ...value.signature, parameters: checked };
    return { ...value, parameters: checked, certificate, signature: signatureChecked } as unknown as Artifact;
  } catch (error) {
    if (error instanceof HeError) throw error;
    throw new ArtifactError('ARTIFACT_INVALID', 'the artifact is inconsistent', { cause: error });
  }
}

/** Whether what an artifact states is as certified anew; both may be of nothing. The second part of a certificate is held by itself. */
function states(stated: object | null, certified: object | null): boolean {
  if (stated === null || certified === null) return stated === certified;
  const own = Object.entries(stated).filter(([key]) => key !== 'ephemeral');
  return isDeepStrictEqual({ ...certified, ...Object.fromEntries(own) }, certified);
}

function bigintText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
