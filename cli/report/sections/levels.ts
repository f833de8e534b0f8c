import { levelChart } from '../charts/level-chart.ts';
import type { Markup } from '../markup.ts';
import { section } from '../page.ts';
import type { ProgramReport } from '../program-report.ts';

function rises({ refreshes }: ProgramReport): string {
  if (refreshes === null) return '';
  const { fromLevel, raisedLevel, toLevel } = refreshes;
  return `A refresh takes its last ${fromLevel} to bring slots into coefficients, raises the modulus to level ${raisedLevel}, and spends all but ${toLevel} of these on the way back. `;
}

export function levelsSection(program: ProgramReport): Markup {
  return section(
    'Levels and scales',
    `Each multiplication uses up one of ${program.depth} levels; operations are cheaper further down. ${rises(program)}The scale stays where the compiler planned it, so sums meet exactly.`,
    levelChart(program.layers, program.refreshes),
  );
}
