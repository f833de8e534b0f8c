/** Identifies encryption parameters, so that keys and ciphertexts of others are refused before they are parsed. */
import { createHash } from 'node:crypto';
import type { ParametersLiteral } from '../../program/parameters.ts';

/** SHA-256, hex, of everything that keys and ciphertexts depend on. */
export function parametersDigest(parameters: ParametersLiteral): string {
  const canonical = JSON.stringify([
    parameters.scheme,
    parameters.polyModulusDegree,
    parameters.dataPrimes.map(String),
    parameters.specialPrimes.map(String),
    parameters.secretDistribution,
    parameters.dnum,
    ...(parameters.refresh === undefined ? [] : [parameters.refresh.ephemeralWeight]),
    ...(parameters.plainModuli === undefined ? [] : [parameters.plainModuli.map(String)]),
  ]);
  return createHash('sha256').update(canonical).digest('hex');
}
