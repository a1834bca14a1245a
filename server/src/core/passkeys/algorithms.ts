/** What is offered, best first: EdDSA, ES256, RS256 (COSE). Nothing else is taken, whatever the authenticator says. */
export const ALGORITHMS: readonly number[] = [-8, -7, -257];
