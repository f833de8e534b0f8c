import { expect, it } from 'vitest';
import { jsonLog } from './log.ts';
import { Metrics } from './metrics.ts';

it('counters add up by label and stand in the text format of Prometheus, gauges as they are', () => {
  const metrics = new Metrics();
  metrics.add('requests_total', 1, ['tool', 'describe_model']);
  metrics.add('requests_total', 1, ['tool', 'describe_model']);
  metrics.add('requests_total', 2, ['tool', 'a"} 1\nb']);
  metrics.add('evaluator_starts_total');
  expect(metrics.text({ queue_depth: 3 })).toBe(
    [
      '# HELP he_compile_requests_total Tool calls, by tool',
      '# TYPE he_compile_requests_total counter',
      'he_compile_requests_total{tool="describe_model"} 2',
      'he_compile_requests_total{tool="a___1_b"} 2',
      '# HELP he_compile_evaluator_starts_total Evaluation processes started',
      '# TYPE he_compile_evaluator_starts_total counter',
      'he_compile_evaluator_starts_total 1',
      '# TYPE he_compile_queue_depth gauge',
      'he_compile_queue_depth 3',
      '',
    ].join('\n'),
  );
});

it('a log is one JSON object a line', () => {
  const lines: string[] = [];
  const log = jsonLog(
    (line) => lines.push(line),
    () => new Date(0),
  );
  log('warn', 'call refused', { tool: 't\n', code: 'ERROR_BUSY' });
  log('info', 'started');
  expect(lines).toEqual([
    '{"time":"1970-01-01T00:00:00.000Z","level":"warn","event":"call refused","tool":"t\\n","code":"ERROR_BUSY"}\n',
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"started"}\n',
  ]);
});
