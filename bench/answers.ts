/** An answer in HTTP/1.1, as far as the bench's subjects speak it. */
export interface Answer {
  readonly status: number;
  /** The status line and the headers, as they came. */
  readonly head: string;
  readonly body: string;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** Reads answers one after the other from pieces of a connection; `take` gets each when it is whole. */
export function createAnswerReader(take: (answer: Answer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const found = readAnswer(rest);
      if (found === null) return;
      rest = rest.subarray(found.length);
      take(found.answer);
    }
  };
}

function readAnswer(bytes: Buffer): { answer: Answer; length: number } | null {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  if (!head.startsWith('HTTP/1.1 ') || !(status >= 200)) throw new Error(`not an answer that is understood: ${head}`);
  const start = headEnd + HEAD_END.length;
  const body = status === 204 || status === 304 ? { text: '', end: start } : readBody(bytes, start, head);
  return body === null ? null : { answer: { status, head, body: body.text }, length: body.end };
}

function readBody(bytes: Buffer, start: number, head: string): { text: string; end: number } | null {
  const length = headerOf(head, 'content-length');
  if (length !== null) {
    const end = start + Number(length);
    return bytes.length < end ? null : { text: bytes.toString('utf8', start, end), end };
  }
  if (headerOf(head, 'transfer-encoding')?.toLowerCase() === 'chunked') return readChunks(bytes, start);
  throw new Error(`an answer of unknown length:\n${head}`);
}

function readChunks(bytes: Buffer, start: number): { text: string; end: number } | null {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return null;
    if (size === 0) return { text: Buffer.concat(parts).toString('utf8'), end };
    parts.push(bytes.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}

/** The first header of this name, or null. */
export function headerOf(head: string, name: string): string | null {
  const pattern = `\r\n${name}:`;
  const at = head.toLowerCase().indexOf(pattern);
  if (at < 0) return null;
  const end = head.indexOf('\r\n', at + 2);
  return head.slice(at + pattern.length, end < 0 ? undefined : end).trim();
}

/** The cookies that an answer sets, as a `cookie` header would give them back. */
export function cookiesOf({ head }: Answer): string {
  const lines = head.split('\r\n').filter((line) => /^set-cookie:/i.test(line));
  return lines
    .map((line) =>
      line
        .slice(line.indexOf(':') + 1)
        .split(';')[0]
        ?.trim(),
    )
    .join('; ');
}
