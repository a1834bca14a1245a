/**
 * What a role may allow, noun:verb. Routes name one of these; the built-in role `admin` holds `*`, and no other role
 * can: who holds everything is one list of people, and the last of them is kept.
 */
const catalogue = {
  'users:read': 'See accounts, their roles and sessions.',
  'users:write': 'Create and change accounts; disable, enable, unlock, verify; end sessions; send reset links.',
  'users:reset-factors': 'Take all second factors from an account whose owner has lost them.',
  'users:delete': 'Delete accounts.',
  'users:impersonate': 'Act as another user for an hour, for a reason.',
  'users:import': 'Import accounts.',
  'users:export': 'Export accounts.',
  'roles:read': 'See roles.',
  'roles:write': 'Make, change and delete roles; give them and take them.',
  'audit:read': 'Search, export and verify the audit log.',
  'keys:read': 'See the signing keys.',
  'keys:write': 'Rotate and revoke signing keys.',
  'limits:read': 'See why somebody is throttled.',
  'limits:write': 'Lift a throttle.',
  'flags:read': 'See the feature flags and their rules.',
  'flags:write': 'Set feature flags.',
  'stats:read': 'See figures about the installation.',
  'diagnostics:read': 'See what the server makes of a request.',
} as const;

export type Permission = keyof typeof catalogue;

export const EVERYTHING = '*';

export function isPermission(text: string): text is Permission {
  return Object.hasOwn(catalogue, text);
}

export function permissionCatalogue(): { name: Permission; meaning: string }[] {
  return Object.entries(catalogue).map(([name, meaning]) => ({ name: name as Permission, meaning }));
}

/** Whether who holds `held` holds all of `wanted` too. */
export function covers(held: readonly string[], wanted: readonly string[]): boolean {
  return held.includes(EVERYTHING) || wanted.every((one) => held.includes(one));
}
