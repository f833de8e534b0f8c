/** What a demonstrated federation came to, in words: for the terminal, and sentences that its page has too. */
import { backendTitle, formatCount, formatMs, formatPercent, formatSignificant, plural } from './format.ts';
import type { FederationReport, FederationRound, FederationRun } from './federation-report.ts';

export function federationText(report: FederationReport): string {
  const { plain, noised } = report;
  return [
    `${plural(report.participants.length, 'participant')} trained ${plural(report.parameters, 'weight')} on ${plural(report.trainingDigits, 'digit')} that none of them showed to anybody, tested on ${report.testDigits} others.`,
    `1. Masks alone: accuracy ${curve(plain)}. Every sum was exact and nothing bounds what it tells: no ε.`,
    `2. Masks and noise: accuracy ${curve(noised)}. ε spent ${spentCurve(noised)} at δ ${formatSignificant(noised.delta, 1)}, by each participant's own ledger.\n   ${costSentence(report)}`,
    `3. ${dropoutSentence(plain)}`,
    `4. ${sumSentence(report)}`,
    `5. ${encryptedSentence(report)}`,
    `Done in ${formatMs(report.totalMs)}.`,
  ].join('\n\n');
}

/** Why noise costs so much here, with its size. */
export function costSentence({ noised, participants }: FederationReport): string {
  const ratio = noised.noiseNorm / noised.clip;
  const gained = lastAccuracy(noised) - noised.initialAccuracy;
  const learnt =
    Math.abs(gained) < 0.05
      ? 'next to nothing was learnt'
      : gained < 0
        ? 'the model became worse'
        : `the model gained ${(100 * gained).toFixed(1)} points`;
  return `With ${participants.length} participants such an ε is costly: of an update at most ${noised.clip} long (L2) the mean keeps at most as much, under noise ${formatSignificant(noised.noiseNorm, 3)} long, ${formatSignificant(ratio, 3)} times that; ${learnt}. Noise in the mean falls as one over the number of participants: hundreds of them make it bearable, so few do not.`;
}

export function dropoutSentence(run: FederationRun): string {
  const missed = run.rounds.find(({ dropouts }) => dropouts.length > 0);
  if (missed === undefined) return 'Nobody dropped out.';
  return `In round ${missed.round} ${missed.dropouts.join(' and ')} dropped out after they had shared their keys; ${missed.joined - missed.dropouts.length} of ${missed.joined} stayed (${run.minSurvivors} are needed), whose shares took the masks of the others off the sum.`;
}

export function sumSentence({ plain, noised }: FederationReport): string {
  const rounds = [...plain.rounds, ...noised.rounds];
  const wrong = total(rounds, ({ sum }) => sum.wrong);
  const untold = total(rounds, ({ sum }) => sum.untold);
  const weights = total(rounds, ({ sum }) => sum.weights);
  if (wrong > 0)
    return `WRONG: ${formatCount(wrong)} of ${formatCount(weights)} weights are not what the plain sum makes of them.`;
  const told =
    untold === 0
      ? ''
      : `, but for ${formatCount(untold)} whose floats are too coarse to tell sums apart that differ by one`;
  return `The sum under the masks is the plain sum of what participants gave, noise included: in ${plural(rounds.length, 'round')} all ${formatCount(weights)} weights are the same to the last bit${told}.`;
}

export function encryptedSentence({ encrypted }: FederationReport): string {
  const { backend, label, encryptedClass, plaintextClass, maxAbsError, compileMs, evaluateMs } = encrypted;
  return `The model that masks alone came to was exported, compiled (${formatMs(compileMs)}) and given an encrypted ${label}: ${backendTitle(backend)} says ${encryptedClass} in ${formatMs(evaluateMs)}, onnxruntime says ${plaintextClass} in the clear; scores differ by ${formatSignificant(maxAbsError, 2)}.`;
}

export function lastAccuracy(run: FederationRun): number {
  return run.rounds.at(-1)?.accuracy ?? run.initialAccuracy;
}

function curve(run: FederationRun): string {
  return [run.initialAccuracy, ...run.rounds.map(({ accuracy }) => accuracy)]
    .map((accuracy) => formatPercent(accuracy, 1))
    .join(' → ');
}

function spentCurve(run: FederationRun): string {
  return run.rounds.map(({ epsilon }) => (epsilon === null ? '∞' : epsilon.most.toFixed(2))).join(' → ');
}

function total(rounds: readonly FederationRound[], of: (round: FederationRound) => number): number {
  return rounds.reduce((sum, round) => sum + of(round), 0);
}
