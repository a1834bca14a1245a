/** What a person typed, as the one form in which it is compared: full-width digits, spaces and hyphens are forgiven. */
export function plainCode(text: string): string {
  return text.normalize('NFKC').replace(/[\s\p{Pd}]/gu, '');
}
