import type { Config } from '../../config/config.ts';
import type { FieldError } from '../../lib/refusal.ts';
import { isBreached } from './breach.ts';
import { isCommon } from './common.ts';
import { isMadeOfIdentity } from './identity.ts';
import { isRepetitive, isWalk } from './predictable.ts';
import { codePoints, longestPassword, normalize, textProblem } from './text.ts';

export interface PasswordOwner {
  email: string;
  name?: string | null;
}

export type BreachOutcome = 'clear' | 'breached' | 'failed';

interface PolicyDeps {
  config: Pick<Config, 'PASSWORD_MIN_LENGTH' | 'PASSWORD_BREACH_CHECK'> & Partial<Pick<Config, 'PUBLIC_URL'>>;
  fetch?: typeof fetch;
  breachEndpoint?: string;
  observe?: ((outcome: BreachOutcome, error?: unknown) => void) | undefined;
}

/**
 * NIST SP 800-63B-4, section 3.1.1.2: length and a list of what guessers try first; no rules of composition, which only
 * produce `Password1!`. One finding is reported at a time, the plainest first.
 */
export function createPolicy({ config, observe, ...deps }: PolicyDeps) {
  const host = config.PUBLIC_URL === undefined ? null : new URL(config.PUBLIC_URL).hostname;
  const endpoint = deps.breachEndpoint ?? 'https://api.pwnedpasswords.com/range';
  const request = deps.fetch ?? fetch;

  async function isKnownBreached(password: string): Promise<boolean> {
    try {
      const breached = await isBreached(password, endpoint, request);
      observe?.(breached ? 'breached' : 'clear');
      return breached;
    } catch (error) {
      observe?.('failed', error);
      return false;
    }
  }

  return async (password: string, owner: PasswordOwner): Promise<FieldError[]> => {
    const problem = textProblem(password);
    if (problem !== null) return [finding(problem, config)];
    const text = normalize(password);
    if (/\p{Cc}/u.test(text)) return [finding('invalid_characters', config)];
    if (codePoints(text) < config.PASSWORD_MIN_LENGTH) return [finding('too_short', config)];
    if (isRepetitive(text) || isWalk(text)) return [finding('predictable', config)];
    if (isCommon(text)) return [finding('common', config)];
    if (isMadeOfIdentity(text, owner, host)) return [finding('personal', config)];
    if (config.PASSWORD_BREACH_CHECK && (await isKnownBreached(text))) return [finding('breached', config)];
    return [];
  };
}

type Code = 'too_short' | 'too_long' | 'invalid_characters' | 'predictable' | 'common' | 'personal' | 'breached';

function finding(code: Code, config: Pick<Config, 'PASSWORD_MIN_LENGTH'>): FieldError {
  const messages: Record<Code, string> = {
    too_short: `Use at least ${config.PASSWORD_MIN_LENGTH} characters.`,
    too_long: `Use at most ${longestPassword} characters.`,
    invalid_characters: 'Control characters and broken Unicode cannot be used.',
    predictable: 'This repeats itself or follows the keyboard; choose something less regular.',
    common: 'This is among the passwords that are guessed first; choose another.',
    personal: 'This is made of your name, your address or the name of this service; choose another.',
    breached: 'This password has appeared in a data breach; choose another.',
  };
  return { field: 'password', code, message: messages[code] };
}
