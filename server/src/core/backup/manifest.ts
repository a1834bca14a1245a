/** What `backup-db.sh` has written beside a dump, as far as this program reads it. */
export interface Manifest {
  readonly name: string;
  readonly asOf: Date;
  readonly schemaVersion: number;
  readonly tables: readonly { readonly table: string; readonly rows: number }[];
  readonly sha256: string;
}

const NAME = /^[A-Za-z0-9_-]{1,100}$/;
// They become part of statements: nothing that would need quotes.
const TABLE = /^[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$/;

/** The manifest in a text; null where it is none. */
export function parseManifest(text: string): Manifest | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { format, name, as_of, schema_version, tables, dump } = (value ?? {}) as Record<string, unknown>;
  const asOf = typeof as_of === 'string' ? Date.parse(as_of) : Number.NaN;
  const sha256 = (dump as { sha256?: unknown } | undefined)?.sha256;
  if (format !== 1 || typeof name !== 'string' || !NAME.test(name) || Number.isNaN(asOf)) return null;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return null;
  if (!Number.isSafeInteger(schema_version) || !Array.isArray(tables) || !tables.every(isTable)) return null;
  return {
    name,
    asOf: new Date(asOf),
    schemaVersion: schema_version as number,
    tables: tables.map(({ table, rows }) => ({ table, rows })),
    sha256,
  };
}

function isTable(one: unknown): one is { table: string; rows: number } {
  const { table, rows } = (one ?? {}) as { table?: unknown; rows?: unknown };
  return typeof table === 'string' && TABLE.test(table) && Number.isSafeInteger(rows);
}
