import { Refusal } from '../../lib/refusal.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Changes } from '../changes/index.ts';
import type { Who } from './decide.ts';
import { type DeclaredKey, declared } from './declared.ts';
import { contextOf, openClient } from './provider.ts';
import { createReading } from './reading.ts';
import type { Flag, FlagValue } from './setting.ts';

/**
 * Feature flags: the server's own switches, and those of the operator's applications. It owns auth.flags. A setting is
 * in force in every process within a second; how, and what a flag may go by, is in docs/decisions/0007-feature-flags.md.
 */
export { type FlagList, listFlags, replaceFlags, setFlag, unsetFlag } from './change-flags.ts';
export { type FlagInput, KEY_PATTERN, LIMITS, TEXT_PATTERN } from './check.ts';
export type { Who } from './decide.ts';
export type { Flag, FlagValue, Rule } from './setting.ts';

/** The flags as of a moment ago: asking takes no query, so that it may be done within a transaction. */
export interface KnownFlags {
  isOn(key: DeclaredKey, who: Who): Promise<boolean>;
  /** Throws what whoever meets the switched-off feature is told. */
  requireOn(key: DeclaredKey, who: Who): Promise<void>;
  /** Every flag's value for somebody. */
  valuesFor(who: Who): Promise<Record<string, FlagValue>>;
}

export interface Flags {
  /** From memory, else from PostgreSQL; fails if that does. */
  known(): Promise<KnownFlags>;
  requireOn(key: DeclaredKey, who: Who): Promise<void>;
  /** After a change that this process made. */
  forget(): void;
  close(): void;
}

interface Deps {
  db: Db;
  changes: Pick<Changes, 'isCurrent' | 'stands' | 'position' | 'believedFrom' | 'onChange'>;
  clock: Clock;
  onEvaluated(flag: string, variant: string): void;
}

export function createFlags({ onEvaluated, ...deps }: Deps): Flags {
  const reading = createReading(deps);
  const { client, close } = openClient({ latest: reading.latest, onEvaluated });

  const isOn: KnownFlags['isOn'] = (key, who) =>
    client.getBooleanValue(key, declared(key)?.default ?? false, contextOf(who));
  const requireOn: KnownFlags['requireOn'] = async (key, who) => {
    if (await isOn(key, who)) return;
    throw new Refusal(declared(key)?.refusal ?? 'feature_disabled', { detail: `It is switched off (${key}).` });
  };
  const valuesFor: KnownFlags['valuesFor'] = async (who) => {
    const context = contextOf(who);
    const answerOf = ({ key, type }: Flag): Promise<FlagValue> =>
      type === 'string' ? client.getStringValue(key, '', context) : client.getBooleanValue(key, false, context);
    const values = [...reading.latest().values()].map(async (flag) => [flag.key, await answerOf(flag)] as const);
    return Object.fromEntries(await Promise.all(values));
  };
  const known: Flags['known'] = async () => {
    await reading.now();
    return { isOn, requireOn, valuesFor };
  };
  return {
    known,
    requireOn: async (key, who) => (await known()).requireOn(key, who),
    forget: reading.forget,
    close,
  };
}
