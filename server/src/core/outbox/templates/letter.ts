import { type Html, html, raw } from '../../../lib/html.ts';

/** A mail before it is text and HTML: plain words, so that a template cannot forget to escape. */
export interface Letter {
  subject: string;
  greeting: string;
  paragraphs: string[];
  /** The one thing to do, if any. */
  action?: { label: string; link: string };
  /** Facts such as when and from where. */
  facts?: [label: string, value: string][];
  /** Why this mail was sent. */
  why: string;
  /** What to do if it was not you. */
  notYou: string;
}

export function letterText(letter: Letter): string {
  const parts = [letter.greeting, ...letter.paragraphs];
  if (letter.action) parts.push(`${letter.action.label}:\n${letter.action.link}`);
  if (letter.facts?.length) parts.push(letter.facts.map(([label, value]) => `${label}: ${value}`).join('\n'));
  return `${[...parts, letter.notYou, `--\n${letter.why}`].join('\n\n')}\n`;
}

const STYLE = raw(`
  :root { color-scheme: light dark; }
  body { margin: 0; padding: 24px 16px; background: #ffffff; color: #1b1b1f; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
  main { max-width: 36em; margin: 0 auto; }
  h1 { font-size: 20px; line-height: 1.3; margin: 0 0 16px; }
  a { color: #0b57d0; overflow-wrap: anywhere; }
  .action { display: inline-block; padding: 12px 20px; border-radius: 6px; background: #0b57d0; color: #ffffff; font-weight: 600; text-decoration: none; }
  .small { color: #55555e; font-size: 14px; }
  @media (prefers-color-scheme: dark) {
    body { background: #1b1b1f; color: #ececf1; }
    a { color: #a8c7fa; }
    .action { background: #a8c7fa; color: #062e6f; }
    .small { color: #b4b4bd; }
  }
`);

/** Nothing is loaded from anywhere: no image, no font, no counting of who opened it. */
export function letterHtml(letter: Letter, language: string): string {
  const page: Html = html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${letter.subject}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${letter.subject}</h1>
<p>${letter.greeting}</p>
${letter.paragraphs.map((paragraph) => html`<p>${paragraph}</p>\n`)}${action(letter)}${facts(letter)}<p>${letter.notYou}</p>
<hr>
<p class="small">${letter.why}</p>
</main>
</body>
</html>
`;
  return String(page);
}

function action({ action }: Letter): Html | null {
  if (!action) return null;
  return html`<p><a class="action" href="${action.link}">${action.label}</a></p>
<p class="small">If the button does not work, open this address:<br><a href="${action.link}">${action.link}</a></p>
`;
}

function facts({ facts }: Letter): Html | null {
  if (!facts?.length) return null;
  return html`<ul>\n${facts.map(([label, value]) => html`<li>${label}: ${value}</li>\n`)}</ul>
`;
}
