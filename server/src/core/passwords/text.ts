/**
 * What a password is, as text. One rule on every route: it is compared in Unicode normalisation form NFC (the form that
 * RFC 8265, section 4.2 fixes for passwords), and otherwise exactly as it was sent: no trimming, no case, no cutting.
 * NFC makes the same text typed on a Mac and on Windows the same password; NFKC would also make `²` and `2` equal.
 */
export function normalize(password: string): string {
  return password.normalize('NFC');
}

/** Code points, after normalisation. 256 of them are at most 1,024 bytes of UTF-8. */
export const longestPassword = 256;

/** NFD needs up to four UTF-16 units for what NFC writes as one character; past this nothing is even normalised. */
const longestInput = 4 * longestPassword;

export type TextProblem = 'too_long' | 'invalid_characters';

/**
 * What may never reach a hash. A lone surrogate becomes U+FFFD in UTF-8, so that different passwords would be equal; NUL
 * ends the text for some implementations; and the work of normalising and hashing must not grow with what a stranger
 * sends.
 */
export function textProblem(password: string): TextProblem | null {
  if (password.length > longestInput) return 'too_long';
  if (password.includes('\0') || !password.isWellFormed()) return 'invalid_characters';
  return codePoints(normalize(password)) > longestPassword ? 'too_long' : null;
}

export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
