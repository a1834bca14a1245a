import type { ProviderTokens } from '../../core/providers/index.ts';
import type { Encryption } from '../../platform/encryption.ts';

const PURPOSE = 'provider-tokens';

interface Whose {
  issuer: string;
  subject: string;
}

/** The provider's tokens, sealed together with whose they are: moved to another row they do not open. */
export function sealTokens(encryption: Encryption, { issuer, subject }: Whose, tokens: ProviderTokens): string {
  return encryption.seal(PURPOSE, JSON.stringify({ whose: [issuer, subject], ...tokens }));
}

export function openTokens(encryption: Encryption, { issuer, subject }: Whose, sealed: string): ProviderTokens {
  const { whose, ...tokens } = JSON.parse(encryption.open(PURPOSE, sealed)) as ProviderTokens & { whose: string[] };
  if (whose[0] !== issuer || whose[1] !== subject) throw new Error('sealed provider tokens stand in another row');
  return tokens;
}
