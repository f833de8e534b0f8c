/**
 * The attacker, a process of its own: as many requests as it is told to, kinds in turn. Reads its orders
 * as JSON from standard input, and writes what came of them to standard output.
 */
import { readFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { text } from 'node:stream/consumers';
import { connectClient } from '../../src/server/testing/mcp-clients.ts';
import { ProtocolClient } from '../../src/server/testing/protocol-client.ts';
import { clientAttacks, LARGE_KINDS } from './client-attacks.ts';
import type { Ending } from './hostile-request.ts';
import { Sender } from './hostile-request.ts';
import type { Attacks } from './stranger-attacks.ts';
import { strangerAttacks } from './stranger-attacks.ts';

export interface AttackOrders {
  readonly url: string;
  /** Where requests go instead, for what the attacker's own appetite does to the machine. */
  readonly decoy: string | null;
  readonly victim: string;
  /** To enrol with, and files to have; null: a stranger. */
  readonly enrolment: { readonly code: string; readonly keys: string; readonly input: string } | null;
  /** All if left out. */
  readonly kinds: readonly string[] | null;
  readonly requests: number;
  /** Goes on beyond that until it is over. */
  readonly leastMs: number;
  readonly connections: number;
  /** Of its process. */
  readonly nice: number;
  /** Addresses that requests pretend to come from, behind a proxy that is trusted; null: the honest client's own. */
  readonly origins: number | null;
}

export interface AttackReport {
  readonly requests: number;
  readonly wallMs: number;
  readonly processorMs: number;
  readonly kinds: Readonly<Record<string, Readonly<Record<Ending, number>>>>;
}

const ROUNDS = 8;

async function attacksOf({ url, victim, enrolment }: AttackOrders): Promise<Attacks> {
  const connection = await connectClient('v2, 2026-07-28', { kind: 'http', url });
  try {
    const name = enrolment === null ? 'stranger' : `hostile-${enrolment.code.slice(0, 6)}`;
    const client = new ProtocolClient(name, connection.call, connection.capabilities);
    if (enrolment === null) return strangerAttacks(victim, client.audience);
    await client.enrol(enrolment.code);
    const [keys, input] = await Promise.all([readFile(enrolment.keys), readFile(enrolment.input)]);
    const keyRef = await client.provision(keys);
    const { algorithm_id } = await client.callAs('get_key_status', { key_ref: keyRef });
    return clientAttacks(client, victim, { algorithmId: String(algorithm_id), keyRef, keys, input });
  } finally {
    await connection.close();
  }
}

/** Kinds in turn; those that take megabytes in one round of eight, or they would be nearly all that is sent. */
function everyRound(kinds: readonly string[]): string[] {
  return Array.from({ length: ROUNDS }, (_, round) =>
    kinds.filter((kind) => round === 0 || !LARGE_KINDS.includes(kind)),
  ).flat();
}

async function attack(orders: AttackOrders): Promise<AttackReport> {
  const all = await attacksOf(orders);
  const chosen = Object.entries(all).filter(([kind]) => orders.kinds?.includes(kind) ?? true);
  process.stdout.write('ready\n');
  using sender = new Sender(orders.decoy ?? orders.url, orders.connections, orders.origins);
  const counts = new Map<string, Map<Ending, number>>(chosen.map(([kind]) => [kind, new Map()]));
  const rounds = everyRound(chosen.map(([kind]) => kind)).map((kind) => [kind, all[kind]!] as const);
  let sent = 0;
  const start = performance.now();
  const usageBefore = process.cpuUsage();
  const elapsed = (): number => performance.now() - start;
  const worker = async (): Promise<void> => {
    while (sent < orders.requests || elapsed() < orders.leastMs) {
      const [kind, make] = rounds[sent++ % rounds.length]!;
      const ending = await sender.send(make());
      const endings = counts.get(kind)!;
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: orders.connections }, worker));
  const { user, system } = process.cpuUsage(usageBefore);
  return {
    requests: sent,
    wallMs: elapsed(),
    processorMs: (user + system) / 1000,
    kinds: Object.fromEntries([...counts].map(([kind, endings]) => [kind, Object.fromEntries(endings)])),
  };
}

const given = JSON.parse(await text(process.stdin)) as AttackOrders;
setPriority(given.nice);
const report = await attack(given);
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
