/** Counters and gauges in the text format of Prometheus. Labels have few values, none of a client. */

export type CounterName =
  | 'requests_total'
  | 'errors_total'
  | 'evaluations_total'
  | 'uploaded_bytes_total'
  | 'evaluation_seconds_total'
  | 'evaluator_loading_seconds_total'
  | 'evaluator_starts_total'
  | 'evaluator_evictions_total'
  | 'evaluator_crashes_total'
  | 'cold_claims_total'
  | 'lease_expiries_total';

const HELP: Readonly<Record<CounterName, string>> = {
  requests_total: 'Tool calls, by tool',
  errors_total: 'Failed tool calls, by code',
  evaluations_total: 'Evaluations that ended, by outcome',
  uploaded_bytes_total: 'Bytes of accepted chunks',
  evaluation_seconds_total: 'Time spent evaluating, without loading and waiting',
  evaluator_loading_seconds_total: 'Time from starting an evaluation process until its keys are loaded',
  evaluator_starts_total: 'Evaluation processes started',
  evaluator_evictions_total: 'Evaluation processes ended to make room',
  evaluator_crashes_total: 'Evaluation processes that ended unasked',
  cold_claims_total: 'Jobs that were claimed by a worker without their keys',
  lease_expiries_total: 'Jobs whose worker was not heard of for longer than its lease',
};

const PREFIX = 'he_compile_';

export class Metrics {
  readonly #counters = new Map<CounterName, Map<string, number>>();

  add(name: CounterName, amount = 1, label: readonly [key: string, value: string] | null = null): void {
    const values = this.#counters.get(name) ?? new Map<string, number>();
    const key = label === null ? '' : `{${label[0]}="${label[1].replace(/[^A-Za-z0-9_]/g, '_')}"}`;
    values.set(key, (values.get(key) ?? 0) + amount);
    this.#counters.set(name, values);
  }

  /** @param gauges name → current value */
  text(gauges: Readonly<Record<string, number>>): string {
    const lines: string[] = [];
    for (const [name, values] of this.#counters) {
      lines.push(`# HELP ${PREFIX}${name} ${HELP[name]}`, `# TYPE ${PREFIX}${name} counter`);
      for (const [label, value] of values) lines.push(`${PREFIX}${name}${label} ${value}`);
    }
    for (const [name, value] of Object.entries(gauges)) {
      lines.push(`# TYPE ${PREFIX}${name} gauge`, `${PREFIX}${name} ${value}`);
    }
    return `${lines.join('\n')}\n`;
  }
}
