import { sha256 } from '../../lib/bytes.ts';
import type { Flag, FlagValue, Rule } from './setting.ts';

/** Whom a flag is asked about. */
export interface Who {
  /** A user's id. */
  readonly id?: string;
  readonly roles?: readonly string[];
  /** What stands for somebody without an account in shares: the same for the same person each time. */
  readonly key?: string;
}

/** The reasons are OpenFeature's. */
export interface Decision {
  readonly value: FlagValue;
  /** `on` or `off`; of a string, which rule gave it: few values, so that they can be counted. */
  readonly variant: string;
  readonly reason: 'DEFAULT' | 'DISABLED' | 'SPLIT' | 'STATIC' | 'TARGETING_MATCH';
}

export function decide(flag: Flag, who: Who): Decision {
  if (!flag.enabled) return decision(flag.default, 'default', 'DISABLED');
  const at = flag.rules.findIndex((rule) => fits(flag.key, rule, who));
  const rule = flag.rules[at];
  if (rule !== undefined) {
    return decision(rule.value, `rule-${at + 1}`, rule.share === undefined ? 'TARGETING_MATCH' : 'SPLIT');
  }
  const isPlain = flag.rules.length === 0 && flag.updatedAt !== null;
  return decision(flag.default, 'default', isPlain ? 'STATIC' : 'DEFAULT');
}

function decision(value: FlagValue, place: string, reason: Decision['reason']): Decision {
  return { value, variant: typeof value === 'string' ? place : value ? 'on' : 'off', reason };
}

function fits(key: string, { users, roles, share }: Rule, who: Who): boolean {
  if (users !== undefined && (who.id === undefined || !users.includes(who.id))) return false;
  if (roles !== undefined && !who.roles?.some((role) => roles.includes(role))) return false;
  return share === undefined || isWithin(key, share, who.id ?? who.key);
}

/** Whom nothing stands for belongs to no share but the whole. */
function isWithin(key: string, share: number, target: string | undefined): boolean {
  if (share >= 100) return true;
  return target !== undefined && placeOf(key, target) < share;
}

/**
 * Where somebody stands on the scale from 0 to 100 of a flag: always at the same place, so that a share that grows keeps
 * all whom it had; and at another place for each flag, so that not the same people try everything first.
 */
export function placeOf(key: string, target: string): number {
  return (sha256(`${key}\n${target}`).readUIntBE(0, 6) / 2 ** 48) * 100;
}
