import { SMTPServer } from 'smtp-server';

/** A mail server for the stack, on every address of this machine: containers reach it through their gateway. */
export async function startMailServer(): Promise<{ port: number; close(): Promise<void> }> {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onData: (stream, _session, done) => {
      stream.resume();
      stream.once('end', () => done());
    },
  });
  server.on('error', () => undefined); // a client that went away
  await new Promise<void>((ready) => server.listen(0, '0.0.0.0', () => ready()));
  const address = server.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => new Promise((done) => server.close(() => done())),
  };
}
