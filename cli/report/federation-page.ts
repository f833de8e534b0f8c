/** The report of `he-compile federate demo` as a page. */
import { roundChart } from './charts/round-chart.ts';
import type { FederationReport, FederationRun } from './federation-report.ts';
import {
  costSentence,
  dropoutSentence,
  encryptedSentence,
  lastAccuracy,
  sumSentence,
} from './federation-text.ts';
import { formatCount, formatMs, formatPercent, formatSignificant, plural } from './format.ts';
import type { Markup, Renderable } from './markup.ts';
import { html } from './markup.ts';
import type { Tile } from './page.ts';
import { facts, renderPage, section } from './page.ts';

const PLAIN = 'var(--accent)';
const NOISED = 'var(--polynomial)';

export function renderFederationPage(report: FederationReport): string {
  const { plain, noised, participants, encrypted } = report;
  const exact = [...plain.rounds, ...noised.rounds].every(({ sum }) => sum.wrong === 0);
  const agrees = encrypted.encryptedClass === encrypted.plaintextClass;
  return renderPage({
    title: 'A federation on drawn digits',
    kicker: 'he-compile federate demo',
    lead: `${plural(participants.length, 'participant')} trained one model of ${plural(report.parameters, 'weight')} without showing anybody data or an update: ${formatPercent(lastAccuracy(plain), 1)} right under masks alone, ${formatPercent(lastAccuracy(noised), 1)} with noise for ε ${noised.epsilonPlanned ?? '∞'}.`,
    badges: [
      { text: exact ? 'sums exact' : 'a sum is wrong', tone: exact ? 'good' : 'warn' },
      { text: agrees ? 'encrypted = in the clear' : 'encrypted differs', tone: agrees ? 'good' : 'warn' },
      { text: `seed ${report.seed}`, tone: 'neutral' },
    ],
    tiles: tiles(report),
    sections: [accuracy(report), cost(report), dropouts(report), sees(), sums(report), inference(report)],
    footer: `${plural(report.trainingDigits, 'digit')} shared out, ${report.testDigits} others to test with. First weights and training follow from the seed; keys, masks and noise come from the operating system, so that the run with noise comes out differently every time. Took ${formatMs(report.totalMs)} on one machine.`,
  });
}

function tiles({ plain, noised }: FederationReport): Tile[] {
  const last = noised.rounds.at(-1)?.epsilon;
  return [
    { name: 'Masks alone', value: formatPercent(lastAccuracy(plain), 1), note: 'no ε bounds it' },
    { name: 'Masks and noise', value: formatPercent(lastAccuracy(noised), 1), note: noised.mechanism },
    {
      name: 'ε spent',
      value: last == null ? '∞' : last.most.toFixed(2),
      note: `of ${noised.epsilonPlanned ?? '∞'}, at δ ${formatSignificant(noised.delta, 1)}`,
    },
    {
      name: 'Noise in the mean',
      value: `${formatSignificant(noised.noiseNorm / noised.clip, 3)}×`,
      note: 'the longest update',
    },
  ];
}

function accuracy({ plain, noised }: FederationReport): Markup {
  const series = [
    { name: 'masks alone', values: accuracies(plain), colour: PLAIN },
    { name: 'masks and noise', values: accuracies(noised), colour: NOISED },
  ];
  const format = (value: number): string => formatPercent(value, 0);
  const spent = [0, ...noised.rounds.map(({ epsilon }) => epsilon?.most ?? 0)];
  const most = Math.max(noised.epsilonPlanned ?? 0, ...spent);
  return section(
    'Accuracy and ε by round',
    'Each round, every participant trains on its own digits from the global model, and all go on from the mean of the updates. ε is what the ledger of each participant has spent.',
    html`<div class="split">
      <div>
        <h3>Accuracy on digits that nobody trained on</h3>
        ${roundChart(series, { title: 'Accuracy', most: 1, format, mark: markOf(plain) })}
      </div>
      <div>
        <h3>ε spent at δ ${formatSignificant(noised.delta, 1)}</h3>
        ${roundChart([{ name: 'masks and noise', values: spent, colour: NOISED }], {
          ...{ title: 'ε spent', most, mark: markOf(noised) },
          format: (value) => formatSignificant(value, 3),
        })}
      </div>
    </div>`,
  );
}

function accuracies(run: FederationRun): number[] {
  return [run.initialAccuracy, ...run.rounds.map((round) => round.accuracy)];
}

function markOf(run: FederationRun): { round: number; text: string } | null {
  const missed = run.rounds.find((round) => round.dropouts.length > 0);
  return missed === undefined ? null : { round: missed.round, text: `${missed.dropouts.length} dropped out` };
}

function cost(report: FederationReport): Markup {
  const { noised } = report;
  return section(
    'What noise costs',
    costSentence(report),
    facts([
      [
        'ε planned',
        `${noised.epsilonPlanned ?? '∞'} at δ ${formatSignificant(noised.delta, 1)} over ${plural(noised.rounds.length, 'round')}`,
      ],
      ['noise multiplier', formatSignificant(noised.noiseMultiplier, 3)],
      ['updates are clipped to', `${noised.clip} (L2), from up to ${formatSignificant(longest(noised), 3)}`],
      ['noise in the mean of all', `${formatSignificant(noised.noiseNorm, 3)} (L2)`],
      ['counted on', `${noised.minSurvivors} survivors, of whom ${noised.colluders} may collude`],
    ]),
    'callout',
  );
}

function longest(run: FederationRun): number {
  return Math.max(0, ...run.rounds.map(({ updateNorms }) => updateNorms.most));
}

function dropouts({ plain, noised }: FederationReport): Markup {
  const rows = (
    [
      ['masks alone', plain],
      ['masks and noise', noised],
    ] as const
  ).flatMap(([name, run]) =>
    run.rounds.map(
      (round) =>
        html`<tr>
          <td>${name}</td>
          <td class="number">${round.round}</td>
          <td class="number">${round.joined - round.dropouts.length} of ${round.joined}</td>
          <td>${round.dropouts.length === 0 ? '–' : round.dropouts.join(', ')}</td>
          <td class="number">
            ${formatSignificant(round.updateNorms.least, 3)} … ${formatSignificant(round.updateNorms.most, 3)}
          </td>
          <td class="number">${round.meanNorm === null ? '–' : formatSignificant(round.meanNorm, 3)}</td>
          <td class="number">${round.epsilon === null ? '∞' : round.epsilon.most.toFixed(2)}</td>
          <td class="number">${formatPercent(round.accuracy, 1)}</td>
        </tr>`,
    ),
  );
  return section(
    'Rounds, and who dropped out',
    dropoutSentence(plain),
    table(
      [
        '',
        '#round',
        '#in the sum',
        'dropped out',
        '#norms of updates',
        '#norm of the mean',
        '#ε spent',
        '#accuracy',
      ],
      rows,
    ),
  );
}

function sees(): Markup {
  const rows = [
    ['data, models after training', 'its own', 'nothing', 'nothing'],
    ['an update', 'its own', 'masked: words that look random', 'nothing'],
    ['secrets behind the masks', 'its own', 'of each, at most one of two', 'shares, locked for each'],
    ['the sum, global models', 'all', 'all', 'who is enrolled'],
    ['who takes part and who drops out', 'all in the round', 'all', 'counts, survivors'],
    ['a single poisoned update', 'nobody', 'nobody', 'nobody'],
    ['the digit that is classified', 'its owner', 'nothing', 'the inference server: ciphertext'],
  ].map(
    ([what, ...who]) =>
      html`<tr>
        <th>${what!}</th>
        ${who.map((text) => html`<td>${text}</td>`)}
      </tr>`,
  );
  return section(
    'Who saw what',
    'What follows from the protocol, not from what this run happened to show. Here all of them were one process on one machine, which as a whole saw everything.',
    table(['', 'participant', 'aggregator', 'others'], rows),
  );
}

function sums(report: FederationReport): Markup {
  const { plain, noised } = report;
  const entry = (name: string, run: FederationRun): readonly [string, Renderable] => [
    name,
    run.rounds
      .map(
        ({ round, sum }) =>
          `round ${round}: ${formatCount(sum.weights - sum.wrong)} of ${formatCount(sum.weights)} the same`,
      )
      .join('; '),
  ];
  return section(
    'Sums, checked',
    sumSentence(report),
    facts([entry('masks alone', plain), entry('masks and noise', noised)]),
  );
}

function inference(report: FederationReport): Markup {
  const { encrypted } = report;
  return section(
    'One digit under encryption',
    encryptedSentence(report),
    html`<div class="split">
      ${
        encrypted.picture === null
          ? null
          : html`<img
              src="${encrypted.picture}"
              alt="A drawn ${encrypted.label}"
              style="width:112px;image-rendering:pixelated;border-radius:6px"
            />`
      }
      ${facts([
        ['drawn', encrypted.label],
        ['encrypted says', encrypted.encryptedClass ?? '–'],
        ['in the clear', encrypted.plaintextClass ?? '–'],
        ['keys made in', formatMs(encrypted.keygenMs)],
        ['evaluated in', formatMs(encrypted.evaluateMs)],
      ])}
    </div>`,
  );
}

/** @param heads of columns; those of numbers begin with # */
function table(heads: readonly string[], rows: readonly Markup[]): Markup {
  return html`<div class="scroll">
    <table>
      <tr>
        ${heads.map((head) =>
          head.startsWith('#') ? html`<th class="number">${head.slice(1)}</th>` : html`<th>${head}</th>`,
        )}
      </tr>
      ${rows}
    </table>
  </div>`;
}
