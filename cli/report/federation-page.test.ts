/** The page and the text of a demonstrated federation. */
import { describe, expect, it } from 'vitest';
import { renderFederationPage } from './federation-page.ts';
import type { FederationReport } from './federation-report.ts';
import { federationText } from './federation-text.ts';
import { SAMPLE_FEDERATION } from './sample-federation.ts';

const { plain, noised } = SAMPLE_FEDERATION;
const page = renderFederationPage(SAMPLE_FEDERATION);
const text = federationText(SAMPLE_FEDERATION);

describe('the page of a federation', () => {
  it('is self-contained', () => {
    expect(page).not.toMatch(/(?:src|href)="(?!data:)/);
    expect(page).not.toMatch(/<script|@import|url\(/);
  });

  it('closes what it opens', () => {
    for (const tag of [
      'section',
      'table',
      'div',
      'svg',
      'dl',
      'dt',
      'dd',
      'tr',
      'td',
      'th',
      'p',
      'text',
      'h3',
    ]) {
      const opened = page.match(new RegExp(`<${tag}[\\s>]`, 'g'))?.length ?? 0;
      const closed = page.match(new RegExp(`</${tag}\\s*>`, 'g'))?.length ?? 0;
      expect(`${tag} ${closed}`).toBe(`${tag} ${opened}`);
    }
  });

  it('has no hole where a value should be', () => {
    expect(page).not.toMatch(/undefined|NaN|Infinity|\[object/);
  });

  it('draws both curves, the ε spent, and who dropped out', () => {
    for (const label of [
      'Accuracy by round',
      'ε spent by round',
      '2 dropped out',
      'ghent, porto',
      'Who saw what',
    ])
      expect(page).toContain(label);
    expect(page).toContain('>87 %<');
    expect(page).toContain('>14 %<');
    expect(page).toContain('>3.99<');
  });
});

describe('the text', () => {
  it('says the curves, what noise costs, and why', () => {
    expect(text).toContain('12.0 % → 69.0 % → 83.0 % → 87.0 %');
    expect(text).toContain('ε spent 2.10 → 3.20 → 3.99 at δ 1e-6');
    expect(text).toMatch(/noise 8 long, 26.7 times that; next to nothing was learnt/);
    expect(text).toContain('In round 2 ghent and porto dropped out');
    expect(page).toContain('next to nothing was learnt');
  });

  it.each([
    [0.31, 'the model gained 19.0 points'],
    [0.02, 'the model became worse'],
  ])('an accuracy of %f under noise: %s', (accuracy, said) => {
    const rounds = [{ ...noised.rounds[0]!, accuracy }];
    expect(federationText({ ...SAMPLE_FEDERATION, noised: { ...noised, rounds } })).toContain(said);
  });

  it('hides no sum that is wrong, nor weights that cannot tell', () => {
    const withSum = (sum: { wrong: number; untold: number }): FederationReport => ({
      ...SAMPLE_FEDERATION,
      plain: { ...plain, rounds: [{ ...plain.rounds[0]!, sum: { weights: 5874, ...sum } }] },
    });
    expect(federationText(withSum({ wrong: 3, untold: 0 }))).toContain('WRONG: 3 of');
    expect(renderFederationPage(withSum({ wrong: 3, untold: 0 }))).toContain('a sum is wrong');
    expect(federationText(withSum({ wrong: 0, untold: 7 }))).toContain(
      'but for 7 whose floats are too coarse',
    );
    expect(text).not.toContain('but for');
  });
});
