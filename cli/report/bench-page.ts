/** The report of `bench` as one HTML page. */
import type { BenchReport } from './bench-report.ts';
import { formatBits, formatBytes, formatMs, formatPercent, formatSignificant, plural } from './format.ts';
import type { Tile } from './page.ts';
import { renderPage } from './page.ts';
import { wholePrecisionText } from './precision-text.ts';
import { programBadges } from './program-page.ts';
import { accuracySection, errorsSection } from './sections/accuracy.ts';
import { approximationsSection } from './sections/approximations.ts';
import { keysSection } from './sections/keys.ts';
import { latencySection } from './sections/latency.ts';
import { layersSection } from './sections/layers.ts';
import { levelsSection } from './sections/levels.ts';
import { refreshesSection } from './sections/refreshes.ts';
import { samplesSection, type SamplePictures } from './sections/samples.ts';
import { securitySection, warningsSection } from './sections/security.ts';
import { machineEntries, setupSection } from './sections/setup.ts';

export function renderBenchPage(report: BenchReport, pictures: SamplePictures): string {
  const { program } = report;
  return renderPage({
    title: program.model,
    kicker: 'Encrypted inference, measured',
    lead: benchLead(report),
    badges: [...programBadges(program), { text: report.data, tone: 'neutral' }],
    tiles: tiles(report),
    sections: [
      warningsSection(program, report.guessing),
      accuracySection(report),
      errorsSection(report),
      samplesSection(report, pictures),
      latencySection(report),
      layersSection(program, report.layerMs),
      levelsSection(program),
      refreshesSection(program, report),
      approximationsSection(program),
      keysSection(program, { ...report.bytes, peakMemory: report.peakMemoryBytes }),
      securitySection(program),
      setupSection(program, [
        ['Measured with', `backend ${report.backend}, ${plural(report.threads, 'thread')}`],
        ['Data', report.data],
        ...machineEntries(report.machine),
        [
          'Versions',
          Object.entries(report.versions)
            .map(([name, version]) => `${name} ${version}`)
            .join(', '),
        ],
        ['Date', report.createdAt],
      ]),
    ],
    footer: `Made by he-compile ${program.compiler.version}.`,
  });
}

export function benchLead(report: BenchReport): string {
  const how = report.backend === 'cleartext' ? 'in the clear, unencrypted' : 'under encryption';
  const subject = `${plural(report.n, 'sample')} went through the model ${how}`;
  const { total, encryption } = report.errors;
  const bits = `Precision is ${formatBits(total.precisionBits.min)} at the worst output, of encryption alone ${formatBits(encryption.precisionBits.min)}.`;
  if (report.masks !== null) {
    const { iou, pixels } = report.masks.agreement;
    return `${subject}; its maps agree with the plaintext model's on ${formatPercent(pixels.mean)} of the pixels, with an intersection over union of ${iou.mean.toFixed(3)} in the mean and ${iou.min.toFixed(3)} at worst. ${bits}`;
  }
  if (report.agreement === null) {
    return `${subject}; the largest difference from the plaintext model is ${formatSignificant(report.maxAbsError, 2)}. ${bits}`;
  }
  const agreeing = Math.round(report.agreement * report.n);
  const all = agreeing === report.n ? 'every one' : `${agreeing} of them`;
  return `${subject}, and ${all} got the class that the plaintext model gives. ${bits}`;
}

function tiles(report: BenchReport): Tile[] {
  const accuracy: Tile[] =
    report.plaintextAccuracy === null || report.polynomialAccuracy === null
      ? [
          {
            name: 'Largest error',
            value: formatSignificant(report.maxAbsError, 2),
            note: `where outputs typically reach ${formatSignificant(report.errors.total.range, 3)}`,
          },
        ]
      : [
          {
            name: 'Original accuracy',
            value: formatPercent(report.plaintextAccuracy),
            note: `of ${plural(report.plaintextSamples, 'sample')}, plaintext`,
          },
          {
            name: 'Polynomial accuracy',
            value: formatPercent(report.polynomialAccuracy),
            note: drop(report.plaintextAccuracy, report.polynomialAccuracy),
          },
        ];
  const agreement: Tile[] =
    report.agreement === null
      ? maskTiles(report)
      : [
          {
            name: 'Agreement',
            value: formatPercent(report.agreement, 1),
            note: `encrypted with plaintext, ${plural(report.n, 'sample')}`,
          },
        ];
  return [
    ...accuracy,
    ...agreement,
    {
      name: 'Precision',
      value: formatBits(report.errors.total.precisionBits.min),
      note: `at the worst output, forecast ${wholePrecisionText(report.program)}; of encryption alone ${formatBits(report.errors.encryption.precisionBits.min)}`,
    },
    {
      name: 'Evaluation',
      value: formatMs(report.latencyMs.median),
      note: `${report.backend}, ${plural(report.threads, 'thread')}`,
    },
    {
      name: 'Evaluation keys',
      value: formatBytes(report.bytes.galoisKeys + report.bytes.relinKeys),
      note: `as sent, for ${plural(report.program.rotationSteps.length, 'rotation step')}`,
    },
    { name: 'Peak memory', value: formatBytes(report.peakMemoryBytes), note: 'of the evaluation' },
  ];
}

function maskTiles({ masks, n }: BenchReport): Tile[] {
  if (masks === null) return [];
  const { agreement, truth } = masks;
  const against: Tile = {
    name: 'Maps, IoU',
    value: agreement.iou.mean.toFixed(3),
    note: `encrypted with plaintext, mean of ${plural(n, 'sample')}; worst ${agreement.iou.min.toFixed(3)}`,
  };
  if (truth === null) return [against];
  const note = `plaintext ${truth.plaintextIou.toFixed(3)}, polynomial ${truth.polynomialIou.toFixed(3)}`;
  return [{ name: 'IoU with the truth', value: truth.encryptedIou.toFixed(3), note }, against];
}

function drop(original: number, polynomial: number): string {
  const points = (polynomial - original) * 100;
  return `${points >= 0 ? '+' : '−'}${Math.abs(points).toFixed(2)} percentage points`;
}
