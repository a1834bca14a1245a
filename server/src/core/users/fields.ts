import { type FieldError, Refusal } from '../../lib/refusal.ts';
import { canonicalEmail } from './email.ts';

// Bidirectional controls and zero-width characters make a name look like another one (REG-05); controls break mails.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u2065\u2800\u3164\uffa0]/u;

/** The canonical form, or the refusal that names the field. */
export function requireEmail(text: string, field = 'email'): string {
  const email = canonicalEmail(text);
  if (email === null) {
    throw new Refusal('validation_failed', {
      errors: [{ field, code: 'email', message: 'is not one plain e-mail address' }],
    });
  }
  return email;
}

/** A name as people write it: NFC, trimmed, one line, nothing invisible. */
export function requireName(text: string, field = 'name'): string {
  const name = text.normalize('NFC').trim();
  const fault = (code: string, message: string): FieldError[] => [{ field, code, message }];
  if (name === '') throw new Refusal('validation_failed', { errors: fault('required', 'is empty') });
  if (UNSEEN.test(name)) {
    throw new Refusal('validation_failed', { errors: fault('characters', 'holds control or invisible characters') });
  }
  return name;
}
