import { describe, expect, it } from 'vitest';
import { renderBenchPage } from './bench-page.ts';
import { layOutRail } from './charts/rail.ts';
import { renderBenchMarkdown, renderProgramMarkdown } from './markdown.ts';
import { html } from './markup.ts';
import { renderProgramPage } from './program-page.ts';
import { SAMPLE_BENCH, SAMPLE_PROGRAM } from './sample-report.ts';
import { renderProgramText } from './text.ts';

const bench = renderBenchPage(SAMPLE_BENCH, new Map([[0, 'data:image/png;base64,AAAA']]));
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
    expect(page).toMatch(/<strong>420<\/strong> of at most\s+<strong>438<\/strong>/);
  });
});

describe('the bench page', () => {
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
  for (const value of ['98.62 %', '98.45 %', '2.14 s', '17.4 bits', 'log2(QP) = 420 of at most 438'])
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

it('renders for the terminal in columns', () => {
  const lines = renderProgramText(SAMPLE_PROGRAM).split('\n');
  const head = lines.find((line) => line.startsWith('layer'))!;
  const row = lines.find((line) => line.startsWith('/add/Add'))!;
  expect(row.indexOf('linear')).toBe(head.indexOf('kind'));
  expect(lines.some((line) => line !== line.trimEnd())).toBe(false);
});

it('gives overlapping skip connections lanes of their own', () => {
  const overlapping = layOutRail([[], [0], [1, 0], [2, 1], [3]]);
  const nested = layOutRail([[], [0], [1, 0], [2], [3, 2]]);
  expect(overlapping.width).toBeGreaterThan(nested.width);
  expect(overlapping.row(4, 'linear').markup).not.toContain('C');
});
