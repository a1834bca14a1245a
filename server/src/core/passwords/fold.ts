/** A text as a guesser sees it: without case, accents and width. Only compared, never hashed. */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');
}

const letters: Record<string, string> = {
  '0': 'o',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '6': 'g',
  '7': 't',
  '8': 'b',
  '9': 'g',
  '@': 'a',
  $: 's',
  '€': 'e',
  '£': 'l',
  '+': 't',
  '(': 'c',
  '|': 'l',
  '!': 'i',
  '1': 'i',
};

/** `p@ssw0rd` and its kind, read as letters; `1` stands for i or l, so there are two readings. */
export function readLeet(folded: string): string[] {
  const asI = Array.from(folded, (character) => letters[character] ?? character).join('');
  const asL = Array.from(folded, (character) =>
    '1!'.includes(character) ? 'l' : (letters[character] ?? character),
  ).join('');
  return asI === asL ? [folded, asI] : [folded, asI, asL];
}

export function onlyLettersAndDigits(text: string): string {
  return text.replace(/[^\p{L}\p{N}]/gu, '');
}

export function reverse(text: string): string {
  return [...text].reverse().join('');
}
