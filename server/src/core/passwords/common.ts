import { readFileSync } from 'node:fs';
import { fold, onlyLettersAndDigits, readLeet } from './fold.ts';

/**
 * The passwords that guessers try first (NIST SP 800-63B-4, section 3.1.1.2). The list holds the stems, written for this
 * project by hand from general knowledge: words, names, teams, places, phrases of many languages. The rules below stand
 * for the rest: case, accents, look-alike characters, a stem twice, and what people put around one to satisfy a rule.
 */
const stems: ReadonlySet<string> = new Set(
  readFileSync(new URL('./common-passwords.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => line.split(' '))
    .filter((word) => word !== ''),
);

const longestStem = Math.max(...[...stems].map((stem) => stem.length));
const longestAddition = 10;

// What is put around a stem: up to three characters, or a run of digits, a year or a date, with marks.
const run = [
  '\\d{1,3}',
  '0123|1234|12345|123456|1234567|12345678|123456789|1234567890|4321|54321|654321',
  '(\\d)\\1+|(\\d\\d)\\2',
  '(?:19|20)\\d\\d',
  '[0-3]\\d[01]\\d(?:19|20)?\\d\\d',
].join('|');
const addition = new RegExp(`^(?:[^\\p{L}]{0,3}|[^\\p{L}\\p{N}]{0,3}(?:${run})[^\\p{L}\\p{N}]{0,3})$`, 'u');
const wordsBefore = new Set(['the', 'my', 'i', 'mr', 'im', 'iam', 'a', 'x', 'xx', 'xxx']);
const wordsAfter = new Set([
  's',
  'z',
  'x',
  'xx',
  'xxx',
  'abc',
  'er',
  'man',
  'boy',
  'girl',
  'y',
  'ie',
  'qwe',
  'asd',
  'qwerty',
]);

export function isCommon(password: string): boolean {
  const text = fold(password);
  if (text.length > 2 * (longestStem + longestAddition)) return false;
  const joined = onlyLettersAndDigits(text);
  return [text, joined].some((form) => isBuiltOnStem(form) || isBuiltOnStem(halfOfTwin(form)));
}

/** Whether this is nothing, or something that people commonly add to a word. */
export function isCommonAddition(text: string): boolean {
  return addition.test(text);
}

function isBuiltOnStem(text: string): boolean {
  for (let start = 0; start <= longestAddition && start < text.length; start += 1) {
    const before = text.slice(0, start);
    if (!wordsBefore.has(before) && !addition.test(before)) continue;
    for (let end = text.length; end > start && text.length - end <= longestAddition; end -= 1) {
      const after = text.slice(end);
      if (!wordsAfter.has(after) && !addition.test(after)) continue;
      if (isStem(text.slice(start, end))) return true;
    }
  }
  return false;
}

function isStem(text: string): boolean {
  return text.length <= longestStem && readLeet(text).some((reading) => stems.has(reading));
}

/** The half of a text that says the same twice; otherwise nothing. */
function halfOfTwin(text: string): string {
  const half = text.slice(0, text.length / 2);
  return half + half === text ? half : '';
}
