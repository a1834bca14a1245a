import { type AddressInfo, createServer } from 'node:net';

export interface SmtpSink {
  readonly port: number;
  /** How many mails it has taken. */
  taken(): number;
  close(): void;
}

/** A mail server that takes everything and keeps nothing; `silent` accepts connections and never says a word. */
export function startSmtpSink({ isSilent = false } = {}): Promise<SmtpSink> {
  let taken = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (isSilent) return;
    let isData = false;
    let rest = '';
    socket.write('220 bench ESMTP\r\n');
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (isData && line !== '.') continue;
        if (isData) taken += 1;
        isData = !isData && line.toUpperCase() === 'DATA';
        if (line.toUpperCase() === 'QUIT') socket.end('221 bye\r\n');
        else socket.write(isData ? '354 go on\r\n' : '250 ok\r\n');
      }
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      server.unref();
      const { port } = server.address() as AddressInfo;
      resolve({ port, taken: () => taken, close: () => server.close() });
    });
  });
}
