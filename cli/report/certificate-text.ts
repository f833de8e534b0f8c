/** What a certificate says, in lines of text. */
import type { EphemeralCertificate } from '../../src/program/check-refresh.ts';
import type { SecurityCertificate } from '../../src/program/security.ts';

export function certificateTexts(certificate: SecurityCertificate): string[] {
  const { securityBits, logQP, maxLogQP, source, ephemeral } = certificate;
  return [
    `${securityBits} bits: log2(QP) = ${logQP} of at most ${maxLogQP} (${source})`,
    ...(ephemeral === undefined ? [] : [`refreshes: ${ephemeralText(ephemeral)}`]),
  ];
}

export function ephemeralText({
  weight,
  logModulus,
  maxLogModulus,
  leastCost,
  requiredCost,
  attacks,
  source,
}: EphemeralCertificate): string {
  const costs = attacks
    .map(
      ({ attack, model, cost }) => `${attack} ${cost === null ? 'without a cost' : `2^${cost}`} by ${model}`,
    )
    .join(', ');
  return (
    `an ephemeral secret of weight ${weight} under ${logModulus} of at most ${maxLogModulus} bits, ` +
    `attacks cost 2^${leastCost} or more, 2^${requiredCost} are demanded (${source}: ${costs})`
  );
}
