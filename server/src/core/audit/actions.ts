/**
 * Every action that the log knows, noun.verb, with what it means: `docs/reference/audit-events.md` is generated from
 * this list. `internal` ones are not shown to the user in their own activity.
 */
const catalogue = {
  'session.login': { meaning: 'A user signed in, or did not: the reason says why.' },
  'session.login_failed': { meaning: 'A sign-in was refused; the subject is missing where no such account exists.' },
  'session.refreshed': { meaning: 'A session was refreshed from a new address.', internal: true },
  'session.refresh_reused': { meaning: 'An old refresh token came back, and the session was ended.' },
  'session.logout': { meaning: 'A user signed out of one session.' },
  'session.logout_all': { meaning: 'A user signed out of all sessions, or of all but this one.' },
  'session.revoked': {
    meaning: 'A session was ended by its user from another one, by an administrator or by a change.',
  },
  'session.reauthenticated': { meaning: 'A signed-in user proved again who they are, or failed to.' },
  'session.csrf_refused': {
    meaning: 'A cookie session sent an unsafe request without its CSRF token.',
    internal: true,
  },
  'user.registered': { meaning: 'An account was made by its user.' },
  'user.register_duplicate': { meaning: 'Someone registered with an address that has an account; its owner was told.' },
  'user.email_verified': { meaning: 'An address was proven by the link that was sent to it.' },
  'user.verification_sent': { meaning: 'A verification mail was asked for.' },
  'user.password_reset_requested': { meaning: 'A reset mail was asked for.' },
  'user.password_reset': { meaning: 'A password was set through a reset link.' },
  'user.password_changed': { meaning: 'A user changed their password, or failed to prove the present one.' },
  'user.password_rehashed': {
    meaning: 'A stored password was upgraded to the present way of hashing.',
    internal: true,
  },
  'user.email_change_requested': { meaning: 'A user asked for another address.' },
  'user.email_changed': { meaning: 'A new address was confirmed and is in force.' },
  'user.email_change_undone': { meaning: 'The former address was restored by the link in its notice.' },
  'user.updated': { meaning: 'A profile was changed; the detail names the fields.' },
  'user.deleted': { meaning: 'An account was deleted; what is personal in its lines is erased.' },
  'user.exported': { meaning: 'Data was exported: by the user their own, by an administrator a list.' },
  'user.locked_out': { meaning: 'Too many wrong passwords: strangers are kept out of the account for a while.' },
  'user.created_by_admin': { meaning: 'An account was made by an administrator.' },
  'user.disabled': { meaning: 'An account was disabled, and its sessions ended.' },
  'user.enabled': { meaning: 'A disabled account was enabled.' },
  'user.unlocked': { meaning: 'A lock-out was lifted by an administrator.' },
  'user.roles_changed': { meaning: 'Roles were given or taken; the detail names them.' },
  'user.impersonated': { meaning: 'An administrator took on a user’s identity, with a reason.' },
  'user.imported': { meaning: 'An account was imported.' },
  'device.trusted': { meaning: 'A device became a known one of the user’s.' },
  'device.removed': { meaning: 'A known device was removed.' },
  'session.mfa_required': { meaning: 'A first factor was right; a second one is asked for.' },
  'session.mfa_enrolment_required': { meaning: 'A first factor was right; policy wants a second one to be enrolled.' },
  'session.mfa_failed': { meaning: 'A second factor was wrong, or there were too many tries.' },
  'session.link_sent': { meaning: 'A sign-in link was asked for.' },
  'session.code_sent': { meaning: 'A code by mail was asked for.' },
  'session.code_shown': {
    meaning: 'A sign-in link was opened in another place than it was asked for, and turned into a code.',
  },
  'user.claimed': {
    meaning: 'Who proved the address took over an account that never had: what others had set in it is gone.',
  },
  'mfa.reset_requested': { meaning: 'An administrator asked to take all second factors from an account.' },
  'mfa.reset_vetoed': { meaning: 'The owner stopped that.' },
  'mfa.reset': { meaning: 'All second factors were taken from an account.' },
  'identity.link_refused': {
    meaning: 'A provider named the address of an account that it does not prove; the account was not linked.',
  },
  'mfa.enrolled': { meaning: 'A second factor was added.' },
  'mfa.removed': { meaning: 'A second factor was removed.' },
  'mfa.recovery_codes_created': { meaning: 'A new set of recovery codes replaced the former.' },
  'mfa.recovery_code_used': { meaning: 'A recovery code was used up.' },
  'passkey.added': { meaning: 'A passkey was registered.' },
  'passkey.updated': { meaning: 'A passkey was renamed.' },
  'passkey.removed': { meaning: 'A passkey was removed.' },
  'passkey.suspicious': {
    meaning: 'A passkey signed under a counter that had not grown, as a copy does: it was refused.',
  },
  'identity.linked': { meaning: 'An account at a provider was linked.' },
  'identity.unlinked': { meaning: 'A linked account was unlinked.' },
  'role.created': { meaning: 'A role was made.' },
  'role.updated': { meaning: 'A role’s description or permissions were changed.' },
  'role.deleted': { meaning: 'A role was deleted.' },
  'key.created': { meaning: 'A signing key was made.' },
  'key.rotated': { meaning: 'A new signing key took over.' },
  'key.revoked': { meaning: 'A signing key was revoked: what it signed is no longer accepted.' },
  'limits.cleared': { meaning: 'An administrator cleared the counters of a limit.' },
  'limits.exceeded': { meaning: 'A limit on credentials was hit.', internal: true },
  'flags.updated': { meaning: 'A feature flag was set, changed or unset; the detail has both states.' },
  'access.denied': { meaning: 'A signed-in user tried what they have no permission for.', internal: true },
  'setup.link_created': { meaning: 'A one-time link for the first administrator was made.' },
  'setup.completed': { meaning: 'The first administrator was made.' },
  'mail.failed': { meaning: 'A mail could not be delivered and was given up.', internal: true },
  'backup.proven': { meaning: 'A restored backup was examined; the detail names it, and what failed.' },
  'audit.exported': { meaning: 'An administrator exported audit lines.' },
  'audit.verified': { meaning: 'An administrator verified the chain.' },
  'audit.key_changed': { meaning: 'The sealer signs with a new key from here on.', internal: true },
  'audit.partition_dropped': {
    meaning: 'Retention dropped the lines up to a number; a signed anchor says where the chain begins.',
  },
  'audit.broken': {
    meaning: 'The sealer found the end of the chain cut off or rewritten; the detail says what it remembers.',
  },
} as const satisfies Record<string, { meaning: string; internal?: true }>;

export type AuditAction = keyof typeof catalogue;

export interface AuditActionEntry {
  action: AuditAction;
  meaning: string;
  isInternal: boolean;
}

/** The whole list, for the generated reference. */
export function auditActions(): AuditActionEntry[] {
  return Object.entries(catalogue).map(([action, entry]) => ({
    action: action as AuditAction,
    meaning: entry.meaning,
    isInternal: 'internal' in entry,
  }));
}
