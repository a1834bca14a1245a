import { declared, declaredKeys } from './declared.ts';

export type FlagValue = boolean | string;

/** All conditions that a rule names must hold: of several users or roles, one. */
export interface Rule {
  readonly users?: readonly string[];
  readonly roles?: readonly string[];
  /** Percent of all who are asked about, measured on one scale for the whole flag. */
  readonly share?: number;
  readonly value: FlagValue;
}

/** What an operator has said about a flag. The first rule that fits decides, else `default`. */
export interface FlagSetting {
  readonly key: string;
  readonly description: string;
  /** False: the rules rest, and everybody gets the default. */
  readonly enabled: boolean;
  readonly default: FlagValue;
  readonly rules: readonly Rule[];
}

export interface FlagRow extends FlagSetting {
  readonly updatedAt: Date;
}

/** A flag as it stands, set or not. */
export interface Flag extends FlagSetting {
  readonly type: 'boolean' | 'string';
  /** One of the server's own. */
  readonly isDeclared: boolean;
  /** When the operator set it last; null where the declared default stands. */
  readonly updatedAt: Date | null;
}

export function typeOf(value: FlagValue): Flag['type'] {
  return typeof value === 'string' ? 'string' : 'boolean';
}

/** The declared ones and the operator's own, by key. */
export function allFlags(rows: readonly FlagRow[]): Flag[] {
  const byKey = new Map(rows.map((row) => [row.key, row]));
  const keys = [...new Set([...declaredKeys, ...byKey.keys()])].sort();
  return keys.map((key) => flagOf(key, byKey.get(key)));
}

// A newer version may declare a key under which an operator has kept a text: then the declared flag counts.
function flagOf(key: string, stored: FlagRow | undefined): Flag {
  const own = declared(key);
  const row = own !== undefined && typeof stored?.default === 'string' ? undefined : stored;
  const setting = row ?? { key, description: '', enabled: true, default: own?.default ?? false, rules: [] };
  return {
    ...setting,
    description: own?.description ?? setting.description,
    type: typeOf(setting.default),
    isDeclared: own !== undefined,
    updatedAt: row?.updatedAt ?? null,
  };
}
