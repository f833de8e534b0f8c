import { describe, expect, it } from 'vitest';
import type { CheckedModel } from './check-folder.ts';
import { summarise, summaryText } from './check-folder.ts';
import { runHere } from './testing/run-cli.ts';

const model = (
  name: string,
  operators: Record<string, number>,
  refused: readonly string[],
): CheckedModel => ({
  model: name,
  supported: refused.length === 0,
  nodeCount: Object.values(operators).reduce((sum, count) => sum + count, 0),
  operators,
  diagnostics: refused.map((operator) => ({
    code: 'UNSUPPORTED_OPERATOR',
    message: `${operator} is not supported`,
    operator,
    hint: 'leave it out',
  })),
});

describe('check of a folder', () => {
  const checked = [
    model('a.onnx', { Conv: 3, TopK: 1 }, ['TopK']),
    model('b.onnx', { Conv: 2, Relu: 1 }, []),
    {
      ...model('c.onnx', {}, []),
      supported: false,
      diagnostics: [{ code: 'MODEL_MALFORMED', message: 'damaged' }],
    },
  ];

  it('counts models, nodes and findings per operator, the worst first', () => {
    const summary = summarise(checked);
    expect(summary).toMatchObject({
      models: 3,
      supported: 1,
      nodes: 7,
      otherFindings: { MODEL_MALFORMED: 1 },
    });
    expect(summary.operators.map(({ operator }) => operator)).toEqual(['TopK', 'Conv', 'Relu']);
    expect(summary.operators[0]).toMatchObject({ refused: 1, nodes: 1, models: 1, hint: 'leave it out' });
    const text = summaryText('folder', checked, summary);
    expect(text).toContain('1 of 3 models are supported');
    expect(text).toContain('to do: leave it out');
  });

  it('is what the command prints', async () => {
    const { exitCode, stdout } = await runHere(['check', 'fixtures', '--json']);
    const document = JSON.parse(stdout) as { summary: { models: number; supported: number } };
    expect(document.summary.models).toBeGreaterThan(2);
    expect(exitCode).toBe(document.summary.models === document.summary.supported ? 0 : 1);
  });
});
