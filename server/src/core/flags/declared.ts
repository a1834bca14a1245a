import type { RefusalCode } from '../../lib/refusal.ts';

interface Declared {
  readonly description: string;
  readonly default: boolean;
  /** What whoever meets it switched off is told. */
  readonly refusal: RefusalCode;
}

/**
 * The server's own flags. Each is a switch that can be thrown while an incident is looked into, and none of them is in
 * the way of an administrator: signing in, the administration and the command line ask no flag.
 */
const catalogue = {
  'account-deletion': {
    description: 'People may delete their own account (`DELETE /me`). Administrators may delete accounts in any case.',
    default: true,
    refusal: 'feature_disabled',
  },
  'email-change': {
    description:
      'People may change their address: ask for it and confirm it. Undoing a change works in any case, and what was asked for before can be confirmed once the switch is on again.',
    default: true,
    refusal: 'feature_disabled',
  },
  registration: {
    description:
      'People may register (`POST /auth/register`). Set-up, administrators and imports make accounts in any case. Shares are by address.',
    default: true,
    refusal: 'registration_closed',
  },
} as const satisfies Record<string, Declared>;

export type DeclaredKey = keyof typeof catalogue;

/** The declared flag of this key, or undefined: then it is, or would be, the operator's own. */
export function declared(key: string): Declared | undefined {
  return Object.hasOwn(catalogue, key) ? catalogue[key as DeclaredKey] : undefined;
}

export const declaredKeys = Object.keys(catalogue) as DeclaredKey[];
