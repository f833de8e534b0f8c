/** The certificate: what was checked against which table, so that anyone can check it again. */
import { ephemeralText } from '../certificate-text.ts';
import { formatCount } from '../format.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import { bar, facts, section } from '../page.ts';
import type { ProgramReport } from '../program-report.ts';

export function securitySection(program: ProgramReport): Markup {
  const { certificate, parameters } = program;
  if (certificate === null) {
    return section(
      'Security',
      'None: this artifact was compiled for verification in the clear. No key will ever be made for it.',
      null,
      'callout',
    );
  }
  return section(
    `Security: ${certificate.securityBits} bits`,
    'The modulus is held against the smaller of two published bounds for the ring degree and secret distribution; parameters above it are refused when compiling, when loading and when making keys.',
    html`<p>
        log₂(QP) = <strong>${certificate.logQP}</strong> of at most
        <strong>${certificate.maxLogQP}</strong> bits for N = ${formatCount(certificate.polyModulusDegree)}
      </p>
      <div style="max-width:560px;margin-bottom:18px">${bar(certificate.logQP / certificate.maxLogQP)}</div>
      ${facts([
        ['Sources of the bound', certificate.source],
        ['Secret key', certificate.secretDistribution],
        ...(certificate.ephemeral === undefined
          ? []
          : [['Refreshes', ephemeralText(certificate.ephemeral)] satisfies [string, string]]),
        ['Error distribution', `discrete Gaussian, σ = ${certificate.errorStandardDeviation}`],
        ['Key-switching digits', `${parameters.dnum}, special primes: ${parameters.specialPrimes}`],
        ['Prime sizes', html`<span class="mono">${parameters.coeffModulusBits.join(' ')}</span>`],
      ])}`,
  );
}

/** Warnings, and which backend is out of the question. */
export function worthKnowing({ warnings, compiler }: ProgramReport): string[] {
  const { sealObstacle, backend } = compiler;
  if (sealObstacle === null) return [...warnings];
  if (backend !== 'native') return [...warnings, sealObstacle];
  return [
    ...warnings,
    `for the native engine only: ${sealObstacle}; for machines without the engine, compile with --backend seal`,
  ];
}

/** @param measured what a measurement has to say beyond that */
export function warningsSection(program: ProgramReport, measured: string | null = null): Markup | null {
  const lines = [...(measured === null ? [] : [measured]), ...worthKnowing(program)];
  if (lines.length === 0) return null;
  return html`<section class="callout">
    <h2>Worth knowing</h2>
    <ul class="plain">
      ${lines.map((line) => html`<li>${line}</li>`)}
    </ul>
  </section>`;
}
