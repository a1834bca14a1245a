import { createHash } from 'node:crypto';
import { type Html, html, raw } from '../../lib/html.ts';
import type { InboxMessage } from './schema.ts';

const STYLE = `
:root { color-scheme: light dark; --page: #f4f5f7; --card: #fff; --ink: #1b1b1f; --quiet: #55555e; --line: #d5d7dd; --link: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --page: #131316; --card: #1e1f24; --ink: #ececf1; --quiet: #b4b4bd; --line: #3a3b42; --link: #a8c7fa; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 48rem; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.5rem; margin: 0 0 4px; }
h2 { font-size: 1.05rem; margin: 0; }
a { color: var(--link); overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.quiet { color: var(--quiet); margin: 0; }
form { display: flex; flex-wrap: wrap; gap: 8px; align-items: end; margin: 16px 0; }
label { flex: 1 1 16rem; font-size: .875rem; color: var(--quiet); }
input { display: block; width: 100%; }
input, button { font: inherit; padding: 8px 12px; border: 1px solid var(--line); border-radius: 6px; background: var(--card); color: var(--ink); }
article { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 16px; margin: 0 0 16px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: 12px 0 0; }
code { font-size: 1.1em; font-weight: 600; }
`;

export const INBOX_STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`;

/** The text of each mail with its links: its HTML is a stranger's words as far as this page is concerned. */
export function inboxPage(messages: readonly InboxMessage[], to: string): string {
  const none = to === '' ? 'No mail yet. Register an account, and its mail appears here.' : `No mail to ${to}.`;
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Development inbox</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<main>
<h1>Development inbox</h1>
<p class="quiet">Mails are kept here instead of being sent, because EMAIL_SERVICE is “inbox”. Newest first; reload for more.</p>
<form method="get" action="/dev/inbox">
<label for="to">Only mails to<input id="to" name="to" type="search" value="${to}" autocomplete="off" autocapitalize="none" spellcheck="false"></label>
<button>Show</button>
<a href="/dev/inbox">All</a>
</form>
${messages.length === 0 ? html`<p>${none}</p>` : messages.map(article)}
</main>
</body>
</html>
`);
}

function article(message: InboxMessage): Html {
  const time = `${message.sent_at.slice(0, 19).replace('T', ' ')} UTC`;
  return html`<article>
<h2>${message.subject}</h2>
<p class="quiet">to ${message.to}, <time datetime="${message.sent_at}">${time}</time></p>
${message.codes.length > 0 && html`<p>${message.codes.map((code) => html`<code>${code}</code> `)}</p>`}
<pre>${linked(message.text)}</pre>
</article>
`;
}

function linked(text: string): Html[] {
  return text
    .split(/(https?:\/\/[^\s<>"]+)/)
    .map((part, index) => (index % 2 === 1 ? html`<a href="${part}" rel="noreferrer">${part}</a>` : html`${part}`));
}
