/** Declared context → protection. */
import { ProtocolError } from '../../errors.ts';
import type { ClientResources, Demand, Sensitivity } from './policy-table.ts';
import {
  BY_JURISDICTION,
  BY_SENSITIVITY,
  DEFAULT_PROTOCOL,
  JURISDICTIONS_FROM,
  MOST_COLLUDERS,
  SENSITIVITIES,
  survivorsOfClients,
} from './policy-table.ts';
import type { Protection } from './protection.ts';
import { NO_PROTECTION, strictest, weaknesses } from './protection.ts';

export interface FederationContext {
  readonly sensitivity: Sensitivity;
  /** Whose law the data are under. */
  readonly jurisdictions: readonly string[];
  /** How many take part when all do. */
  readonly clients: number;
  /** Decides what clients have to do, never how well they are protected. */
  readonly clientResources: ClientResources;
}

/** Whether `a` is a stricter context than `b`, or the same: more sensitive data, more jurisdictions, more clients. */
export function isAtLeastAsStrictContext(a: FederationContext, b: FederationContext): boolean {
  return (
    SENSITIVITIES.indexOf(a.sensitivity) >= SENSITIVITIES.indexOf(b.sensitivity) &&
    b.jurisdictions.every((jurisdiction) => a.jurisdictions.includes(jurisdiction)) &&
    a.clients >= b.clients
  );
}

/**
 * What a context has where nothing else is asked for.
 * @throws ProtocolError POLICY_UNMET if there are too few clients for it
 */
export function decideProtection(context: FederationContext): Protection {
  return { ...demandedProtection(context), protocol: DEFAULT_PROTOCOL };
}

/** The strictest of all rows of the table that hold. @throws ProtocolError POLICY_UNMET if there are too few clients for it */
function demandedProtection(context: FederationContext): Protection {
  const rows = rowsOf(context);
  const least = rows.reduce<Protection>(strictest, NO_PROTECTION);
  const share = Math.max(0, ...rows.map(({ colluderShare }) => colluderShare));
  const minSurvivors = Math.max(least.minSurvivors, survivorsOfClients(context.clients));
  const protection: Protection = {
    protocol: least.protocol,
    mechanism: least.mechanism,
    epsilon: least.epsilon,
    delta: least.delta,
    minClients: Math.max(least.minClients, minSurvivors),
    minSurvivors,
    colluders: Math.max(least.colluders, Math.min(MOST_COLLUDERS, Math.floor(share * context.clients))),
  };
  requireClients(protection, context.clients);
  return protection;
}

/**
 * As decided, made stricter by what the owner asks for. Encrypted sums, too, are for the owner to ask for, where the table takes them.
 * @throws ProtocolError POLICY_WEAKER if any of it would be weaker than the table, POLICY_UNMET
 */
export function tightenProtection(context: FederationContext, asked: Partial<Protection>): Protection {
  const tightened = { ...decideProtection(context), ...asked };
  const [weaker] = weaknesses(tightened, demandedProtection(context));
  if (weaker !== undefined) {
    throw new ProtocolError('POLICY_WEAKER', `${weaker} is weaker than this context asks for`, {
      hint: 'leave it out, or declare another context; docs/federation.md has the table',
    });
  }
  // Fewer survivors than this would be too few to begin with.
  const protection = { ...tightened, minClients: Math.max(tightened.minClients, tightened.minSurvivors) };
  requireClients(protection, context.clients);
  return protection;
}

function rowsOf({ sensitivity, jurisdictions }: FederationContext): Demand[] {
  const rank = SENSITIVITIES.indexOf(sensitivity);
  const rows = SENSITIVITIES.slice(0, rank + 1).map((each) => BY_SENSITIVITY[each]);
  if (rank < SENSITIVITIES.indexOf(JURISDICTIONS_FROM)) return rows;
  return [
    ...rows,
    ...jurisdictions.flatMap((name) => {
      const known = Object.hasOwn(BY_JURISDICTION, name) ? BY_JURISDICTION[name] : undefined;
      return known === undefined ? Object.values(BY_JURISDICTION) : [known];
    }),
  ];
}

function requireClients({ minClients, minSurvivors, colluders }: Protection, clients: number): void {
  // What colluders do not know is the sum of two at least.
  const needed = Math.max(minClients, colluders + 2);
  if (clients >= needed && minSurvivors > colluders + 1) return;
  throw new ProtocolError(
    'POLICY_UNMET',
    `${clients} clients are too few: this context takes ${needed}, of whom ${minSurvivors} stay and ${colluders} may collude`,
    { hint: 'find more participants; a federation of few hides nobody' },
  );
}
