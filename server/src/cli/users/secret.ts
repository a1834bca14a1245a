import { EXIT, Failure } from '../failure.ts';
import { note } from '../output.ts';

const MOST = 8192;

/** A secret from standard input: the first line of a pipe, or typed without being shown. */
export async function readSecret(prompt: string): Promise<string> {
  const secret = process.stdin.isTTY === true ? await typed(prompt) : await piped();
  if (secret === '') throw new Failure(EXIT.data, 'Standard input holds no password.');
  return secret;
}

async function piped(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MOST) throw new Failure(EXIT.data, 'Standard input holds more than a password.');
  }
  const [first = '', ...rest] = text.replace(/\r?\n$/, '').split(/\r?\n/);
  if (rest.length > 0) throw new Failure(EXIT.data, 'Standard input holds more than one line: a password is one.');
  return first;
}

function typed(prompt: string): Promise<string> {
  const { stdin } = process;
  process.stderr.write(prompt);
  stdin.setRawMode(true).setEncoding('utf8').resume();
  let text = '';
  return new Promise((done) => {
    const onKeys = (keys: string): void => {
      for (const key of keys) {
        if (key === '\u0003') process.exit(130);
        if (key === '\r' || key === '\n' || key === '\u0004') {
          stdin.off('data', onKeys).setRawMode(false).pause();
          note('');
          done(text);
          return;
        }
        text = key === '\u007f' || key === '\b' ? [...text].slice(0, -1).join('') : text + key;
      }
    };
    stdin.on('data', onKeys);
  });
}
