import { describe, expect, it } from 'vitest';
import { certify } from '../../src/program/security.ts';
import { refreshableParameters } from '../../src/program/testing/test-parameters.ts';
import { renderBenchPage } from './bench-page.ts';
import { renderBenchText } from './bench-text.ts';
import { layOutRail } from './charts/rail.ts';
import { renderBenchMarkdown, renderProgramMarkdown } from './markdown.ts';
import { html } from './markup.ts';
import { programLead, renderProgramPage } from './program-page.ts';
import type { ProgramReport } from './program-report.ts';
import { SAMPLE_BENCH, SAMPLE_PROGRAM } from './sample-report.ts';
import { renderProgramText } from './text.ts';

const bench = renderBenchPage(SAMPLE_BENCH, new Map([[0, ['data:image/png;base64,AAAA']]]));
const program = renderProgramPage(SAMPLE_PROGRAM);

describe.each([
  ['bench', bench],
  ['program', program],
])('the %s page', (_name, page) => {
  it('is self-contained', () => {
    expect(page).not.toMatch(/(?:src|href)="(?!data:)/);
    expect(page).not.toMatch(/<script|@import|url\(/);
    expect(page).toContain("default-src 'none'");
  });

  it('closes what it opens', () => {
    for (const tag of ['section', 'table', 'div', 'svg', 'ul', 'dl', 'tr', 'td', 'g', 'p', 'li']) {
      const opened = page.match(new RegExp(`<${tag}[\\s>]`, 'g'))?.length ?? 0;
      const closed = page.match(new RegExp(`</${tag}\\s*>`, 'g'))?.length ?? 0;
      expect(`${tag} ${closed}`).toBe(`${tag} ${opened}`);
    }
  });

  it('has no hole where a value should be', () => {
    expect(page).not.toMatch(/undefined|NaN|Infinity|\[object/);
  });

  it('names every layer, warning and the certificate', () => {
    for (const layer of SAMPLE_PROGRAM.layers) expect(page).toContain(layer.layer);
    expect(page).toContain('leave the fitted range of /relu2/Relu');
    expect(page).toContain('Security: 128 bits');
    expect(page).toMatch(/<strong>420<\/strong> of at most\s+<strong>430<\/strong>/);
  });
});

describe('certified ranges', () => {
  it('are told of inputs and outputs, with what is refused', () => {
    for (const text of [renderProgramText(SAMPLE_PROGRAM), renderProgramMarkdown(SAMPLE_PROGRAM), program]) {
      expect(text).toContain('values from -0.42 to 2.82, refused outside of -0.825 to 3.22');
      expect(text).toContain('values from -12 to 18, not shown outside of -27 to 33');
    }
  });
});

describe('precision', () => {
  it('is that of the worst output with everything in it; encryption alone is a detail', () => {
    const whole = '5.9 bits';
    for (const text of [renderProgramText(SAMPLE_PROGRAM), renderProgramMarkdown(SAMPLE_PROGRAM), program]) {
      expect(text).toContain('approximation alone 6.0 bits, encryption alone 17.4 bits');
      expect(text).toContain('not the 8.0 bits asked for');
      expect(text.indexOf(whole)).toBeGreaterThan(0);
      expect(text.indexOf(whole)).toBeLessThan(text.indexOf('17.4 bits'));
    }
    for (const text of [renderBenchText(SAMPLE_BENCH), renderBenchMarkdown(SAMPLE_BENCH), bench]) {
      expect(text.indexOf(`${whole}`)).toBeGreaterThan(0);
      expect(text).toMatch(/Precision is \d+\.\d bits at the worst output, of encryption alone/);
    }
  });

  it('says nothing of bits that artifacts do not tell apart', () => {
    const { predicted } = SAMPLE_PROGRAM;
    const older = {
      ...SAMPLE_PROGRAM,
      predicted: { ...predicted, approximationPrecisionBits: null, precisionAsked: null },
    };
    expect(renderProgramText(older)).not.toMatch(/approximation alone|asked for/);
  });
});

it('says of a model that is right like guessing that it is', () => {
  const guessing = { ...SAMPLE_BENCH, guessing: 'the original is right on 8.5 %, like guessing' };
  const page = renderBenchPage(guessing, new Map());
  for (const text of [page, renderBenchText(guessing), renderBenchMarkdown(guessing)])
    expect(text).toContain('like guessing');
});

it('keys have a size as sent and one in memory', () => {
  expect(program).toContain('as sent, for 12 rotation steps; 307 MB in memory');
  expect(program).toContain('153 MB');
});

describe('the bench page', () => {
  it('says what the accuracy bound is held against', () => {
    const text = renderProgramText(SAMPLE_PROGRAM);
    expect(text).toContain(
      'accuracy drops by 0.20 points (95 % interval -0.10 to 0.90), at most 0.5 allowed: not shown',
    );
  });

  it('shows accuracies, agreement, pictures and disagreements', () => {
    for (const text of ['98.62 %', '98.45 %', '95.0 %', 'data:image/png;base64,AAAA', 'plaintext: 7']) {
      expect(bench).toContain(text);
    }
  });

  it('does without labels and classes', () => {
    const unlabelled = {
      ...SAMPLE_BENCH,
      plaintextAccuracy: null,
      polynomialAccuracy: null,
      encryptedAccuracy: null,
      agreement: null,
      confusion: null,
      samples: SAMPLE_BENCH.samples.map((sample) => ({
        ...sample,
        label: null,
        plaintextClass: null,
        polynomialClass: null,
        encryptedClass: null,
      })),
    };
    const page = renderBenchPage(unlabelled, new Map());
    expect(page).toContain('Largest error');
    expect(page).not.toMatch(/undefined|NaN|Confusion|Original accuracy/);
  });
});

const SEGMENTATION = {
  ...SAMPLE_BENCH,
  plaintextAccuracy: null,
  polynomialAccuracy: null,
  encryptedAccuracy: null,
  agreement: null,
  confusion: null,
  masks: {
    threshold: 0,
    agreement: { pixels: { mean: 0.9951, min: 0.991 }, iou: { mean: 0.9312, min: 0.8874 } },
    approximation: { pixels: { mean: 0.9952, min: 0.99 }, iou: { mean: 0.9315, min: 0.887 } },
    truth: { plaintextIou: 0.9061, polynomialIou: 0.8912, encryptedIou: 0.8905 },
  },
  samples: SAMPLE_BENCH.samples.map((sample) => ({
    ...sample,
    label: null,
    plaintextClass: null,
    polynomialClass: null,
    encryptedClass: null,
    overlap: { pixels: 0.9951, iou: 0.9304 },
  })),
};

describe('reports of models that give maps', () => {
  it('show input and map of each sample, and how far maps agree', () => {
    const page = renderBenchPage(
      SEGMENTATION,
      new Map([[0, ['data:image/png;base64,AAAA', 'data:image/png;base64,BBBB']]]),
    );
    for (const text of [
      'base64,AAAA',
      'base64,BBBB',
      '0.931',
      '0.887',
      '99.51 %',
      'IoU 0.930',
      'plaintext 0.906',
    ])
      expect(page).toContain(text);
    expect(page).not.toMatch(/undefined|NaN|\[object/);
  });

  it('say the same in the terminal and in Markdown', () => {
    for (const text of [renderBenchText(SEGMENTATION), renderBenchMarkdown(SEGMENTATION)]) {
      for (const value of ['0.9061', '0.8912', '0.8905', '99.51 %', '0.8874']) expect(text).toContain(value);
    }
  });
});

it('never lets names become markup', () => {
  const evil = '<img src=x onerror=alert(1)>|`"\'';
  const layers = SAMPLE_PROGRAM.layers.map((layer) => ({ ...layer, layer: evil, layout: evil }));
  const report = { ...SAMPLE_PROGRAM, model: evil, layers, warnings: [evil] };
  expect(renderProgramPage(report)).not.toContain('<img');
  expect(renderProgramMarkdown(report)).not.toMatch(/(?<!\\)<img/);
  expect(html`<p title="${evil}"></p>`.markup).toBe(
    '<p title="&lt;img src=x onerror=alert(1)&gt;|`&quot;&#39;"></p>',
  );
});

it('says the same in Markdown, in tables that hold together', () => {
  const text = renderBenchMarkdown(SAMPLE_BENCH);
  for (const value of ['98.62 %', '98.45 %', '2.14 s', '17.4 bits', 'log2(QP) = 420 of at most 430'])
    expect(text).toContain(value);
  const widths = new Map<number, number>();
  let table = 0;
  for (const line of text.split('\n')) {
    if (!line.startsWith('|')) {
      table++;
      continue;
    }
    const columns = line.split(/(?<!\\)\|/).length;
    expect(columns).toBe(widths.get(table) ?? columns);
    widths.set(table, columns);
  }
});

it('says how far outputs are off where they are no classes', () => {
  const quality = {
    ...SAMPLE_PROGRAM.quality,
    originalAccuracy: null,
    polynomialAccuracy: null,
    agreement: null,
    rmsOutputError: 0.11,
    rmsOutput: 4.4,
  };
  expect(programLead({ ...SAMPLE_PROGRAM, quality })).toContain(
    "On 500 held-out inputs the polynomial model's outputs are off by 2.50 % of their size",
  );
  const exact = SAMPLE_PROGRAM.approximations.map((one) => ({ ...one, method: 'exact' as const }));
  expect(programLead({ ...SAMPLE_PROGRAM, quality, approximations: exact })).not.toContain('held-out');
});

it('takes what node-seal cannot run for a note where the program is for the native engine', () => {
  const compiler = { ...SAMPLE_PROGRAM.compiler, sealObstacle: 'too many digits' };
  const native = { ...SAMPLE_PROGRAM, compiler: { ...compiler, backend: 'native' as const } };
  expect(renderProgramText(native)).toContain('! for the native engine only: too many digits');
  expect(renderProgramText({ ...SAMPLE_PROGRAM, compiler })).toContain('! too many digits');
});

it('says what keys cost, and how much of it was counted', () => {
  const cost = SAMPLE_PROGRAM.keys.cost!;
  expect(renderProgramText(SAMPLE_PROGRAM)).toMatch(
    /154 MB to send: made in .*, sent in 12\.3 s at 100 Mbit\/s, loaded in .*; 13\.9 ms of each of 1.000 inferences, counted/,
  );
  const uncounted = { ...cost, countedMsPerInference: 0 };
  const program = { ...SAMPLE_PROGRAM, keys: { ...SAMPLE_PROGRAM.keys, cost: uncounted } };
  expect(renderProgramPage(program)).toContain('not counted when this program was chosen');
  const older = { ...SAMPLE_PROGRAM, keys: { ...SAMPLE_PROGRAM.keys, cost: null } };
  expect(renderProgramText(older)).not.toContain('to send');
});

it('renders for the terminal in columns', () => {
  const lines = renderProgramText(SAMPLE_PROGRAM).split('\n');
  const head = lines.find((line) => line.startsWith('layer'))!;
  const row = lines.find((line) => line.startsWith('/add/Add'))!;
  expect(row.indexOf('linear')).toBe(head.indexOf('kind'));
  expect(lines.some((line) => line !== line.trimEnd())).toBe(false);
});

it('tells the second part of a certificate, and how often is refreshed', () => {
  const ephemeral = certify(refreshableParameters())!.ephemeral!;
  const program: ProgramReport = {
    ...SAMPLE_PROGRAM,
    operations: { ...SAMPLE_PROGRAM.operations, refresh: 17 },
    certificate: { ...SAMPLE_PROGRAM.certificate!, ephemeral },
    layers: SAMPLE_PROGRAM.layers.map((layer, i) =>
      i === 1 ? { ...layer, kind: 'refresh', operations: { ...layer.operations, refresh: 2 } } : layer,
    ),
  };
  const secret = 'an ephemeral secret of weight 40 under 81 of at most';
  for (const text of [
    renderProgramText(program),
    renderProgramMarkdown(program),
    renderProgramPage(program),
  ]) {
    expect(text).toContain(secret);
    for (const { model, cost } of ephemeral.attacks)
      expect(text).toContain(`${cost === null ? 'without a cost' : `2^${cost}`} by ${model}`);
    expect(text).toContain('17 refreshes');
  }
  expect(renderProgramPage(program)).toContain('<div>2 refreshes</div>');
  expect(renderProgramText(SAMPLE_PROGRAM)).not.toContain('refresh');
});

it('gives overlapping skip connections lanes of their own', () => {
  const overlapping = layOutRail([[], [0], [1, 0], [2, 1], [3]]);
  const nested = layOutRail([[], [0], [1, 0], [2], [3, 2]]);
  expect(overlapping.width).toBeGreaterThan(nested.width);
  expect(overlapping.row(4, 'linear').markup).not.toContain('C');
});
