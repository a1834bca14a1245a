import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface ReceivedMail {
  from: string;
  to: string[];
  raw: string;
  messageId: string;
}

export interface SmtpStandIn {
  port: number;
  received: ReceivedMail[];
  /** Everything that clients asked for, whether it was taken or not. */
  recipients: string[];
  close(): Promise<void>;
}

/**
 * A real SMTP server on loopback, which behaves as the recipient's name says: `reply-NNN…` answers RCPT with that code,
 * `final-NNN…` answers the message with it, `slow-MS…` thinks before it takes the message, `drop…` hangs up instead of
 * answering the message, `lost…` takes the message and hangs up before it says so, the first time.
 */
export async function startSmtpServer(options: SMTPServerOptions = {}, port = 0): Promise<SmtpStandIn> {
  const received: ReceivedMail[] = [];
  const recipients: string[] = [];
  const lost = new Set<string>();
  const refusal = (code: number) => Object.assign(new Error(`no, not for someone@secret.test`), { responseCode: code });
  const hangUp = (id: string) => {
    const sockets = [...server.connections] as unknown as { id: string; _socket: { destroy(): void } }[];
    sockets.find((connection) => connection.id === id)?._socket.destroy();
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    closeTimeout: 100,
    onRcptTo(address, _session, callback) {
      recipients.push(address.address);
      const code = /^reply-(\d{3})/.exec(address.address)?.[1];
      callback(code ? refusal(Number(code)) : null);
    },
    async onData(stream, session, callback) {
      const raw = await text(stream).catch(() => null);
      if (raw === null) return; // the client went away in the middle
      const to = session.envelope.rcptTo.map((recipient) => recipient.address);
      const name = to[0] ?? '';
      const code = /^final-(\d{3})/.exec(name)?.[1];
      if (code) return callback(refusal(Number(code)));
      if (name.startsWith('drop')) return hangUp(session.id);
      await sleep(Number(/^slow-(\d+)/.exec(name)?.[1] ?? 0));
      const from = session.envelope.mailFrom;
      const messageId = /^Message-ID: (.*)$/im.exec(raw)?.[1]?.trim() ?? '';
      received.push({ from: from === false ? '' : from.address, to, raw, messageId });
      if (name.startsWith('lost') && !lost.has(name)) {
        lost.add(name);
        return hangUp(session.id);
      }
      callback(null);
    },
    ...options,
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    recipients,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
