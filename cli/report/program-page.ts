/** `inspect --html` and the report of `compile`: the compiled program drawn. */
import { formatBytes, formatCount, formatMs, formatPercent, formatSignificant, plural } from './format.ts';
import type { Badge } from './page.ts';
import { renderPage } from './page.ts';
import { precisionParts, wholePrecisionText } from './precision-text.ts';
import type { ProgramReport } from './program-report.ts';
import { approximationsSection } from './sections/approximations.ts';
import { keysSection } from './sections/keys.ts';
import { layersSection } from './sections/layers.ts';
import { levelsSection } from './sections/levels.ts';
import { refreshesSection } from './sections/refreshes.ts';
import { securitySection, warningsSection } from './sections/security.ts';
import { setupSection, throughputText } from './sections/setup.ts';

export function renderProgramPage(program: ProgramReport): string {
  const { parameters, predicted } = program;
  return renderPage({
    title: program.model,
    kicker: 'Compiled program',
    lead: programLead(program),
    badges: programBadges(program),
    tiles: [
      {
        name: 'Evaluation',
        value: formatMs(predicted.latencyMs),
        note: `predicted, one thread${program.compiler.costProfile === null ? '' : `, ${program.compiler.costProfile}`}`,
      },
      ...(program.throughput === null
        ? []
        : [
            {
              name: 'Throughput',
              value: `${formatSignificant(program.throughput.samplesPerSecond, 3)} / s`,
              note: throughputText(program.throughput),
            },
          ]),
      {
        name: 'Precision',
        value: wholePrecisionText(program),
        note: `predicted at the worst output: ${precisionParts(program)}`,
      },
      { name: 'Depth', value: String(program.depth), note: depthNote(program) },
      {
        name: 'Ring degree',
        value: formatCount(parameters.polyModulusDegree),
        note: `${formatCount(program.slotCount)} slots`,
      },
      {
        name: 'Evaluation keys',
        value: formatBytes(predicted.keyBytesSent),
        note: `as sent, for ${plural(program.rotationSteps.length, 'rotation step')}; ${formatBytes(predicted.keyBytesInMemory)} in memory`,
      },
      { name: 'Memory', value: formatBytes(predicted.memoryBytes), note: 'of an evaluation, predicted' },
    ],
    sections: [
      warningsSection(program),
      layersSection(program, null),
      levelsSection(program),
      refreshesSection(program, null),
      approximationsSection(program),
      keysSection(program, null),
      securitySection(program),
      setupSection(program, []),
    ],
    footer: `Made by he-compile ${program.compiler.version}. Predictions come from the compiler's noise and cost models; "he-compile bench" checks them.`,
  });
}

function depthNote({ refreshes }: ProgramReport): string {
  if (refreshes === null) return 'levels used up';
  const { count, fromLevel, toLevel } = refreshes;
  return `levels of the chain; ${plural(count, 'refresh', 'refreshes')} from ${fromLevel} to ${toLevel}`;
}

/** The outcome of compilation in two sentences. */
export function programLead(program: ProgramReport): string {
  const { quality, operations, layers } = program;
  const first = `${plural(layers.length, 'layer')} on encrypted data: ${plural(operations.rotate, 'rotation')} and ${plural(operations.multiply, 'ciphertext multiplication')}.`;
  if (quality.polynomialAccuracy !== null && quality.originalAccuracy !== null) {
    return `${first} On ${plural(quality.samples, 'held-out input')} the polynomial model is right on ${formatPercent(quality.polynomialAccuracy)}, the original on ${formatPercent(quality.originalAccuracy)}.`;
  }
  if (quality.agreement !== null && quality.samples > 0) {
    return `${first} The polynomial model decides as the original on ${formatPercent(quality.agreement)} of ${plural(quality.samples, 'held-out input')}.`;
  }
  if (quality.samples > 0 && quality.rmsOutput > 0 && program.approximations.some(isApproximate)) {
    const relative = quality.rmsOutputError / quality.rmsOutput;
    return `${first} On ${plural(quality.samples, 'held-out input')} the polynomial model's outputs are off by ${formatPercent(relative)} of their size (root mean square).`;
  }
  return first;
}

function isApproximate({ method }: ProgramReport['approximations'][number]): boolean {
  return method !== 'exact';
}

export function programBadges(program: ProgramReport): Badge[] {
  const { securityBits } = program.parameters;
  const security: Badge =
    securityBits === null
      ? { text: 'no encryption: verification only', tone: 'warn' }
      : { text: `${securityBits}-bit security, checked`, tone: 'good' };
  return [
    security,
    { text: program.parameters.scheme, tone: 'neutral' },
    { text: `compiled for ${program.compiler.backend}`, tone: 'neutral' },
    ...(program.batchSize > 1 ? [{ text: `batch of ${program.batchSize}`, tone: 'neutral' } as const] : []),
  ];
}
