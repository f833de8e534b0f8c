import { levelChart } from '../charts/level-chart.ts';
import type { Markup } from '../markup.ts';
import { section } from '../page.ts';
import type { ProgramReport } from '../program-report.ts';

export function levelsSection(program: ProgramReport): Markup {
  return section(
    'Levels and scales',
    `Each multiplication uses up one of ${program.depth} levels; operations are cheaper further down. The scale stays where the compiler planned it, so sums meet exactly.`,
    levelChart(program.layers),
  );
}
