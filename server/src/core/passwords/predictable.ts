import { fold, reverse } from './fold.ts';

/*
 * Walks over keyboards (QWERTY, AZERTY, QWERTZ: rows, columns, zigzags) and through alphabets. A password made of a few
 * pieces of them is guessed by walking, however long it is.
 */
const walks = [
  '01234567890123456789',
  'abcdefghijklmnopqrstuvwxyzabc',
  'qwertyuiop[]',
  "asdfghjkl;'",
  'zxcvbnm,./',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  'qwertzuiop',
  'yxcvbnm',
  '!@#$%^&*()_+',
  '!"§$%&/()=',
  '!"£$%^&*()',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/',
  '1qazxsw23edcvfr45tgbnhy67ujm,ki89ol./;p0',
  '!qaz@wsx#edc$rfv%tgb^yhn&ujm*ik<(ol>)p:?',
  'qazwsxedcrfvtgbyhnujmikolp',
  'qawsedrftgyhujikolp',
  'zaqxswcdevfrbgtnhymjukilop',
  'zaq12wsxcde34rfvbgt56yhn',
  'zaq1xsw2cde3vfr4bgt5nhy6',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  '1a2b3c4d5e6f7g8h9i0j',
  'a1b2c3d4e5f6g7h8i9j0',
  'aqswdefrgthyjukilo',
  'a1s2d3f4g5h6j7k8l9',
  '1a2s3d4f5g6h7j8k9l',
  '147258369',
  '159357',
  '741852963',
  '789456123',
  '963852741',
  '123654789',
  '321654987',
  '112233445566778899',
  'aabbccddeeffgghhii',
  '11223344',
  'qqwweerrttyyuuiioopp',
  '111222333444555666777888999',
  'абвгдеёжзийклмнопрстуфхцчшщъыьэюя',
  'йцукенгшщзхъ',
  'фывапролджэ',
  'ячсмитьбю',
  'αβγδεζηθικλμνξοπρστυφχψω',
].flatMap((walk) => [walk, reverse(walk)]);

const shortestPiece = 3;
const mostPieces = 4;
const mostLeftOver = 2;

export function isRepetitive(password: string): boolean {
  const characters = [...fold(password)];
  if (new Set(characters).size <= 2) return true;
  for (let unit = 3; unit <= 4; unit += 1) {
    if (characters.length >= 2 * unit && characters.every((character, index) => character === characters[index % unit]))
      return true;
  }
  return false;
}

/** Whether it consists of at most four pieces of walks or repeats, and at most two other characters. */
export function isWalk(password: string): boolean {
  const text = fold(password);
  let pieces = 0;
  let leftOver = 0;
  for (let at = 0; at < text.length && pieces <= mostPieces && leftOver <= mostLeftOver; ) {
    const length = pieceLength(text, at);
    if (length < shortestPiece) leftOver += 1;
    else pieces += 1;
    at += length < shortestPiece ? 1 : length;
  }
  return pieces > 0 && pieces <= mostPieces && leftOver <= mostLeftOver;
}

function pieceLength(text: string, at: number): number {
  let longest = 1;
  while (text[at + longest] === text[at]) longest += 1;
  while (at + longest < text.length && walks.some((walk) => walk.includes(text.slice(at, at + longest + 1))))
    longest += 1;
  return longest;
}
