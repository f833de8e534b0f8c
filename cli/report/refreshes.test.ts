import { describe, expect, it } from 'vitest';
import type { Artifact, RefreshStepTime } from '../../src/program/artifact.ts';
import { REFRESH_STEPS } from '../../src/program/semantics/refresh-plan.ts';
import { refreshingArtifact } from '../../src/program/testing/small-artifact.ts';
import { renderBenchPage } from './bench-page.ts';
import { renderBenchText } from './bench-text.ts';
import { renderBenchMarkdown, renderProgramMarkdown } from './markdown.ts';
import { renderProgramPage } from './program-page.ts';
import { refreshSummary, type RefreshSummary } from '../../src/program/refresh-summary.ts';
import { SAMPLE_BENCH, SAMPLE_PROGRAM } from './sample-report.ts';
import { renderProgramText } from './text.ts';

describe('reports of programs that refresh', () => {
  const { program: instructions, parameters, report } = refreshingArtifact();
  const artifact = (refreshStepsMs?: readonly RefreshStepTime[]): Artifact => ({
    ...refreshingArtifact(),
    report: {
      ...report,
      operations: { ...report.operations, refresh: 2 },
      layers: SAMPLE_PROGRAM.layers.map((layer, i) =>
        i === 1 ? { ...layer, kind: 'refresh', predictedMs: 600 } : { ...layer, kind: 'linear' },
      ),
      predicted: { ...report.predicted, latencyMs: 800, ...(refreshStepsMs && { refreshStepsMs }) },
    },
  });
  const stepMs = [150, 30, 240, 180];
  const view = refreshSummary(artifact(REFRESH_STEPS.map((step, i) => ({ step, ms: stepMs[i]! }))))!;
  const program = {
    ...SAMPLE_PROGRAM,
    layers: artifact().report.layers.map((layer) => ({ ...layer, sources: [] })),
  };
  const whole =
    '2 refreshes from level 2 to 6 (raised to 17), 300 ms each: 600 ms, 75 % of the predicted time';

  it('take levels from the chain and times from the artifact', () => {
    expect(view).toMatchObject({ count: 2, fromLevel: 2, raisedLevel: 17, ms: 600, share: 0.75 });
    const { output } = instructions.instructions[0]!;
    expect(view.toLevel).toBe(instructions.values[output]!.level);
    expect(view.raisedLevel).toBe(parameters.dataPrimes.length - 1);
  });

  it('say from where to where, how long, and what each step takes', () => {
    const steps =
      'slots to coefficients 150 ms (25 %), raise 30 ms (5 %), coefficients to slots 240 ms (40 %), sine 180 ms (30 %)';
    for (const text of [renderProgramText, renderProgramMarkdown].map((render) =>
      render({ ...program, refreshes: view }),
    )) {
      expect(text).toContain(whole);
      expect(text).toContain(steps);
    }
    for (const page of [renderProgramPage({ ...program, refreshes: view }), benchOf(view)]) {
      expect(page).toContain(`${whole}.`);
      for (const ms of stepMs) expect(page).toContain(`<span>${ms} ms</span>`);
      expect(page).not.toMatch(/undefined|NaN/);
    }
  });

  it('draw how levels fall to the bottom, rise to the top and fall again', () => {
    const page = renderProgramPage({ ...program, refreshes: view });
    const [, from, bottom, top, to] = /class="refresh"\s+d="M\S+ (\S+)L\S+ (\S+)V(\S+)L\S+ (\S+)"/
      .exec(page)!
      .map(Number);
    // Downwards is more: 17 levels are 150 high.
    const height = (levels: number): number => (150 * levels) / 17;
    expect(bottom! - from!).toBeCloseTo(height(2), 6);
    expect(bottom! - top!).toBeCloseTo(height(17), 6);
    expect(to! - top!).toBeCloseTo(height(17 - view.toLevel), 6);
    expect(page.match(/class="refresh"/g)).toHaveLength(1);
    expect(page).toContain('refreshed from level 2 to');
    expect(page).toContain('levels of the chain; 2 refreshes from 2 to 6');
    expect(renderProgramPage(SAMPLE_PROGRAM)).not.toContain('class="refresh"');
  });

  it('hold what was measured against it', () => {
    const refreshed = { ...program, refreshes: view };
    const measured = { ...SAMPLE_BENCH, program: refreshed, layerMs: [null, 700, 122, 860, 25, 51, 70] };
    expect(renderBenchText(measured)).toMatch(
      /refreshes +700 ms +2 of them: 33 % of the evaluation; forecast 600 ms/,
    );
    expect(renderBenchPage(measured, new Map())).toContain('Measured: 700 ms.');
    const refreshStepsMs = REFRESH_STEPS.map((step, i) => ({ step, ms: [160, 40, 280, 220][i]! }));
    const stepped = { ...measured, refreshStepsMs };
    const steps = 'raise 40 ms (6 %), coefficients to slots 280 ms (40 %), sine 220 ms (31 %)';
    for (const render of [renderBenchText, renderBenchMarkdown]) {
      expect(render(stepped)).toContain(steps);
      expect(render(measured)).not.toContain('raise 40 ms');
    }
    // The longest bar is that of what took longest, predicted or measured.
    const page = renderBenchPage(stepped, new Map()).replace(/\s+/g, ' ');
    expect(page).toContain('<div class="bar measured"><i style="width:100.0%"></i></div><span>280 ms</span>');
    expect(page).toContain('<div class="bar "><i style="width:85.7%"></i></div><span>240 ms</span>');
    const untold = { ...measured, layerMs: measured.layerMs.map(() => null) };
    expect(renderBenchText(untold)).not.toContain('of the evaluation; forecast');
    expect(renderBenchPage(untold, new Map())).not.toContain('Measured: ');
    expect(renderBenchText(SAMPLE_BENCH)).not.toContain('refreshes');
  });

  it('leave steps out where the artifact does not say', () => {
    const older = { ...program, refreshes: refreshSummary(artifact()) };
    expect(renderProgramText(older)).toContain(whole);
    expect(renderProgramText(older)).not.toContain('coefficients to slots');
    expect(renderProgramPage(older)).toContain(whole);
  });

  function benchOf(refreshes: RefreshSummary): string {
    return renderBenchPage({ ...SAMPLE_BENCH, program: { ...program, refreshes } }, new Map());
  }
});
