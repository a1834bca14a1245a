import type { AnySetting } from './setting.ts';
import { themes } from './table.ts';

const INTRODUCTION = `# Settings

<!-- Generated from server/src/config by configurationMarkdown(): change it there. -->

Every setting is an environment variable. A wrong configuration stops the start within two seconds, with exit code 78 and
every fault at once: its name, what is wrong, what is expected. No secret is ever printed.

- **Sources.** A variable of the environment wins over a line of \`.env\` in the working directory (\`NAME=value\`, \`#\`
  comments, single or double quotes, \`export\`; nothing is interpolated). An empty variable counts as not set.
- **Secrets** (marked 🔒) may come from a file: \`NAME_FILE\` names it, its last line break is dropped. \`NAME\` and \`NAME_FILE\`
  together are a fault.
- **Secret stores.** A secret may be a reference, resolved once at start within ten seconds:
  \`aws-sm://name#jsonKey\` (AWS Secrets Manager; without \`#jsonKey\` the whole text), \`vault://mount/path#key\` (HashiCorp Vault, KV
  version 2), \`gcp-sm://projects/p/secrets/s/versions/latest\` (Google Secret Manager), \`azure-kv://vault-name/secret\` (Azure Key
  Vault). \`AWS_ACCESS_KEY_ID\`, \`AWS_SECRET_ACCESS_KEY\`, \`AWS_SESSION_TOKEN\` and \`VAULT_TOKEN\` themselves cannot be references.
- **Lists of secrets** (marked 🔒 list) are separated by commas: the first is used, all are accepted. To rotate one, put the new one
  in front, restart every process, and take the old one away when nothing it protects is left. A comma cannot be part of one.
- **A URL and its parts.** \`DATABASE_URL\` and \`REDIS_URL\` win over \`DB_*\` and \`REDIS_*\`; the parts fill what the URL leaves out; where
  both speak and differ, a warning names both. Of \`redis://\` and \`REDIS_TLS\`, the one that encrypts wins.
- **Misspelt names.** A variable that is close to a setting's name, but is none, gives a warning.
- **Durations** are \`90s\`, \`15m\`, \`12h\`, \`7d\`, \`2w\` or plain seconds; **sizes** \`512k\`, \`10m\`, \`1g\` or plain bytes; **rates**
  requests/seconds, such as \`30/60\`. Relative paths start at the working directory.

\`NODE_ENV=production\` refuses: missing, short or repetitive secrets, sample values of guides, one secret in two settings, private
keys that others can read or their group can write, \`CORS_ORIGIN=*\`, \`EMAIL_SERVICE=inbox\`, a public URL without https (except on this
machine), \`DB_SSL_REJECT_UNAUTHORIZED=false\`, \`sslmode=no-verify\`, and the embedded database unless \`EMBEDDED_ACCEPT_POWER_LOSS=true\`.
Elsewhere most of these are warnings. Trusting every proxy is refused everywhere.
`;

/** `docs/reference/configuration.md`. */
export function configurationMarkdown(): string {
  const sections = themes.map(({ title, settings }) => {
    const entries = Object.entries<AnySetting>(settings).map(([name, entry]) => markdownEntry(name, entry));
    return `## ${title}\n\n${entries.join('\n')}`;
  });
  return `${[INTRODUCTION, ...sections].join('\n').trimEnd()}\n`;
}

function markdownEntry(name: string, entry: AnySetting): string {
  const mark = entry.isSecret ? ` 🔒${entry.isList ? ' list' : ''}` : '';
  const lines = [
    `### \`${name}\`${mark}`,
    '',
    entry.description,
    '',
    `- Expected: ${entry.parser.expected}`,
    `- Default: ${defaultText(entry)}`,
  ];
  return `${[...lines, `- Example: \`${entry.example}\``].join('\n')}\n`;
}

function defaultText(entry: AnySetting): string {
  if (entry.defaultNote !== undefined) return entry.defaultNote;
  if (entry.default === null) return 'none';
  if (typeof entry.default === 'string') return `\`${entry.default}\``;
  return `\`${entry.default.production}\` in production, else \`${entry.default.otherwise}\``;
}

/** `.env.example`: everything is commented out, so that a copy of it changes nothing yet. */
export function envExample(): string {
  const introduction = [
    '# Settings of auth-api. Copy to .env, and uncomment what you need: without any of it the server runs for development.',
    '# Everything about them: docs/reference/configuration.md. Generated from server/src/config.',
  ];
  const sections = themes.map(({ title, settings }) => {
    const entries = Object.entries<AnySetting>(settings).map(([name, entry]) => exampleEntry(name, entry));
    return `\n# --- ${title} ---\n\n${entries.join('\n\n')}`;
  });
  return `${[...introduction, ...sections].join('\n')}\n`;
}

function exampleEntry(name: string, entry: AnySetting): string {
  const example = /[\s#<>"]/.test(entry.example) ? `'${entry.example}'` : entry.example;
  const comment = wrap(`${entry.description} Default: ${defaultText(entry)}.`.replaceAll('`', ''), 116);
  return `${comment.map((line) => `# ${line}`).join('\n')}\n#${name}=${example}`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
