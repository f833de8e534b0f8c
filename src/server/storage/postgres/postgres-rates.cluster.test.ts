/** Rates that several front ends count together. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { postgresMissing, PostgresServer } from '../testing/postgres-server.ts';
import { PostgresDatabase } from './postgres-database.ts';
import { PostgresRates } from './postgres-rates.ts';

const BURST = 8;
/** So slow that no token comes back while a test runs. */
const SLOW = 1e-6;

describe.skipIf(postgresMissing() !== null)('rates of several front ends', () => {
  let server: PostgresServer;
  let opened: AsyncDisposableStack;
  let one: PostgresDatabase;
  let other: PostgresDatabase;
  beforeAll(async () => {
    opened = new AsyncDisposableStack();
    server = opened.use(await PostgresServer.start());
    one = opened.use(await PostgresDatabase.open(server.address, { environment: {} }));
    other = opened.use(await PostgresDatabase.open(server.address, { environment: {} }));
  });
  afterAll(() => opened.disposeAsync());
  beforeEach(() => server.query('TRUNCATE rates'));

  /** As if so much time had gone by. */
  const later = (seconds: number) =>
    server.query(`UPDATE rates SET at = at - make_interval(secs => ${seconds})`);
  async function allowance(rates: PostgresRates, name = 'n'): Promise<number> {
    for (let count = 0; ; count++) if ((await rates.tryTake(name)) > 0) return count;
  }

  it('let through as many as one would, whoever is asked', async () => {
    const rates = [new PostgresRates(one, SLOW, BURST), new PostgresRates(other, SLOW, BURST)];
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => rates[i % 2]!.tryTake('n')));
    expect(answers.filter((wait) => wait === 0)).toHaveLength(BURST);
    expect(await rates[0]!.tryTake('another')).toBe(0);
  });

  it('let more through as time goes by, a burst at most, whether or not others were refused', async () => {
    const rates = new PostgresRates(one, 0.01, BURST);
    expect(await allowance(rates)).toBe(BURST);
    await later(250);
    expect(await allowance(rates)).toBe(2);
    await later(25);
    expect(await rates.tryTake('n')).toBeGreaterThan(0);
    await later(25);
    expect(await allowance(rates)).toBe(1);
    await later(1e6);
    expect(await allowance(rates)).toBe(BURST);
  });

  it('say how long to wait for the next', async () => {
    const rates = new PostgresRates(one, 0.01, 1);
    expect(await rates.tryTake('n')).toBe(0);
    await later(40);
    const wait = await rates.tryTake('n');
    expect(wait).toBeLessThanOrEqual(60_000);
    expect(wait).toBeGreaterThan(30_000);
  });

  it('forget buckets that are full again, and no others', async () => {
    const rates = new PostgresRates(one, 0.01, BURST);
    await rates.tryTake('old');
    await later(100 * BURST);
    expect(await allowance(rates, 'new')).toBe(BURST);
    await rates.sweep();
    expect(await server.query('SELECT name FROM rates')).toEqual([{ name: 'new' }]);
    expect(await allowance(rates, 'new')).toBe(0);
    await new PostgresRates(one, 1e-300, BURST).sweep();
  });
});
