import { connect } from 'node:net';
import type { TestServer } from '../../kit.ts';

export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely.
  body: any;
}

/** Sends bytes as they are on a connection of its own, and gives what came back until it was quiet or closed. */
export async function exchange(server: TestServer, bytes: string | Buffer, quietMs = 150): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  let heard = '';
  return new Promise((resolve) => {
    let timer = setTimeout(() => socket.destroy(), 3_000);
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      heard += chunk;
      clearTimeout(timer);
      timer = setTimeout(() => socket.destroy(), quietMs);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(heard);
    });
    socket.write(bytes);
  });
}

/** The answers that came back, in order; `text` beyond a Content-Length is the next answer's. */
export function answersIn(heard: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = heard;
  while (rest.startsWith('HTTP/1.1 ')) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) break;
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const status = Number(first.split(' ')[1]);
    const length = status < 200 ? 0 : Number(headers['content-length'] ?? 0);
    const text = rest.slice(end + 4, end + 4 + length);
    answers.push({ status, headers, text, body: parse(text) });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
}

export async function ask(server: TestServer, ...lines: string[]): Promise<RawAnswer> {
  const [answer] = answersIn(await exchange(server, `${lines.join('\r\n')}\r\n\r\n`));
  if (answer === undefined) throw new Error(`no answer to ${lines[0]}`);
  return answer;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
