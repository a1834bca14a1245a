/** The one password of all accounts of the bench, and the server's parameters for it. */
export const PASSWORD = 'Quokka-lantern-42-violet';

/** OWASP's 19 MiB, two passes, one lane. */
export const ARGON2 = { memory: 19_456, passes: 2, lanes: 1, length: 32 } as const;

export const STORED_AS = `$argon2id$v=19$m=${ARGON2.memory},t=${ARGON2.passes},p=${ARGON2.lanes}$`;
