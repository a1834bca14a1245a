/** Exit codes, as in sysexits.h: a script that calls us can tell "try again" from "change something". */
export const STATUS = { usage: 64, unavailable: 69, internal: 70, cannotWrite: 73, busy: 75, configuration: 78 };

/** Something the person at the keyboard can mend: `message` says what is wrong, `advice` what to do. */
export function problem(status, message, advice) {
  return Object.assign(new Error(message), { status, advice });
}

export function explain(error) {
  if (error.status === undefined) return `auth-api: ${error.stack ?? error}`;
  return `\nauth-api: ${error.message}${error.advice ? `\n  → ${error.advice}` : ''}`;
}
