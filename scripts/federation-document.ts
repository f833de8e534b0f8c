/** Tables of docs/federation.md, from the code that decides: who asks for what, and what it costs. */
import { decideProtection } from '../src/federation/policy/decide-protection.ts';
import { plannedMultiplier } from '../src/federation/policy/plan-round.ts';
import type { Demand } from '../src/federation/policy/policy-table.ts';
import {
  BY_JURISDICTION,
  BY_SENSITIVITY,
  CLIENT_RESOURCES,
  JURISDICTIONS_FROM,
  MOST_COLLUDERS,
  NEIGHBOURS,
  SENSITIVITIES,
} from '../src/federation/policy/policy-table.ts';
import { NO_PROTECTION } from '../src/federation/policy/protection.ts';

/** The document with everything between its marks made anew. */
export function federationMarkdown(current: string): string {
  return replaceBetween(replaceBetween(current, 'policy', policyTables()), 'cost', costTable());
}

function replaceBetween(document: string, mark: string, text: string): string {
  const pattern = new RegExp(`(<!-- ${mark}: begin [^\\n]*-->\\n)[^]*?(<!-- ${mark}: end -->)`, 'u');
  return document.replace(pattern, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`);
}

function policyTables(): string {
  const row = (name: string, demand: Demand): string[] => [
    `\`${name}\``,
    demand.protocol === NO_PROTECTION.protocol ? '' : demand.protocol,
    demand.mechanism === NO_PROTECTION.mechanism ? '' : demand.mechanism,
    demand.epsilon === Infinity ? '' : String(demand.epsilon),
    demand.delta === NO_PROTECTION.delta ? '' : demand.delta.toExponential(),
    demand.minClients === NO_PROTECTION.minClients ? '' : String(demand.minClients),
    demand.minSurvivors === NO_PROTECTION.minSurvivors ? '' : String(demand.minSurvivors),
    collusion(demand),
  ];
  return [
    table(
      ['declared', 'protocol', 'noise', 'ε at most', 'δ at most', 'clients', 'survivors', 'colluders'],
      [
        ...SENSITIVITIES.map((name) => row(name, BY_SENSITIVITY[name])),
        ...Object.entries(BY_JURISDICTION).map(([name, demand]) => row(name, demand)),
      ],
    ),
    '',
    `A sensitivity has the rows of all below it, too. Jurisdictions count from \`${JURISDICTIONS_FROM}\` on; one that is not in the table has the rows of all. Survivors are so many besides, for each of the declared clients, as to have more than two thirds of the others among them, and no round is begun with fewer. Colluders are at most ${MOST_COLLUDERS}. \`client_resources\` decides with how many others each participant shares masks and secrets (${CLIENT_RESOURCES.map((each) => `${each}: ${NEIGHBOURS[each]}`).join(', ')}; all, where they are fewer) and nothing of the protection.`,
  ].join('\n');
}

function collusion({ colluders, colluderShare }: Demand): string {
  const share = colluderShare === 0 ? '' : `${100 * colluderShare} % of all`;
  return [colluders === 0 ? '' : String(colluders), share].filter((part) => part !== '').join(', or ');
}

/** What noise means for the mean that the model gets: of 10,000 numbers, clipped to norm 1, 10 rounds. */
function costTable(): string {
  const rows = [6, 8, 12, 20, 50, 100, 500].map((clients) => {
    const context = {
      sensitivity: 'health',
      jurisdictions: ['EU'],
      clients,
      clientResources: 'medium',
    } as const;
    const protection = decideProtection(context);
    const plan = { federation: 'table', context, protection, rounds: 10, clip: 1, length: 10_000 };
    const multiplier = plannedMultiplier(plan);
    const honest = protection.minSurvivors - protection.colluders;
    // All stay, each with the noise that is calibrated to the least who may.
    const deviation = multiplier * Math.sqrt(clients / honest);
    return [
      String(clients),
      String(protection.minSurvivors),
      String(protection.colluders),
      multiplier.toFixed(2),
      ((deviation * Math.sqrt(10_000)) / clients).toFixed(1),
    ];
  });
  return table(
    ['clients', 'survivors at least', 'colluders', 'noise multiplier', 'norm of the noise in the mean'],
    rows,
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(3, cell.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join(
    '\n',
  );
}
