// One more than anyone may use, so that whoever reads sees that it is too long; the rest of such a line is not kept.
const KEPT = 64 * 1024 + 1;

/** The lines of a stream of bytes, without their ends. What is not UTF-8 shows as U+FFFD; a byte order mark is dropped. */
export async function* linesOf(bytes: AsyncIterable<Uint8Array | string>): AsyncIterable<string> {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  for await (const chunk of bytes) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const parts = text.split('\n');
    for (let index = 0; index < parts.length - 1; index++) {
      yield withoutReturn(index === 0 ? cut(rest + parts[0]) : cut(parts[index] as string));
      rest = '';
    }
    rest = cut(rest + parts.at(-1));
  }
  rest += decoder.decode();
  if (rest !== '') yield withoutReturn(rest);
}

function cut(text: string): string {
  return text.length > KEPT ? text.slice(0, KEPT) : text;
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
