/** One step of the schema of PostgreSQL. */
export interface SchemaMigration {
  /** Begins with its number; written down in the database. */
  readonly name: string;
  /** Statements, run with all that are missing in one transaction. */
  readonly sql: string;
  /** How many migrations a program must know to work on the schema after it; see schema-state.ts. */
  readonly oldestReader: number;
}
