import { type Html, html } from '../../lib/html.ts';
import { signInStates } from './sign-in-states.ts';
import { state } from './state.ts';
import type { PageText } from './texts.ts';

export interface PageSetting {
  readonly prefix: string;
  /** The host, so that people see where they are typing. */
  readonly site: string;
  readonly passwordMinLength: number;
  readonly script: string;
  /** For the page that signs in, after the other. */
  readonly signInScript: string;
  readonly style: string;
}

/**
 * All states of a page are in its markup, and the script shows one at a time; it writes no words of its own but what
 * the API answers, and that as text. The script comes first, so that the token leaves the address bar before anything
 * else happens.
 */
export function renderPage(page: PageText, setting: PageSetting): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<script src="${setting.script}"></script>${
    page.signsIn === true &&
    html`
<script src="${setting.signInScript}"></script>`
  }
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${page.title} · ${setting.site}</title>
<link rel="stylesheet" href="${setting.style}">
</head>
<body>
<main>
<p class="site">${setting.site}</p>
${states(page, setting)}
<p role="status" class="status"></p>
</main>
</body>
</html>
`.toString();
}

function states(page: PageText, setting: PageSetting): Html[] {
  const all = [
    state('needs-script', page.title, [
      'This page needs JavaScript. The secret part of the link stays in your browser, and only a script can hand it over',
      ` when you press the button. Please allow JavaScript for ${setting.site} and open the link again.`,
    ]),
    state('ask', page.title, [page.intro], form(page, setting)),
    state('done', page.done.title, [page.done.text]),
    state('dead-link', 'This link does not work any more', [
      `It has been used, has expired, or was replaced by a newer one. ${page.remedy}`,
    ]),
    state('no-token', 'The link is not complete', [
      `Please open the link from ${page.source ?? 'your mail'} again, or copy all of it into the address bar.`,
      ' A page that was reloaded has forgotten its link.',
    ]),
  ];
  if (page.closed !== undefined) all.push(state('closed', page.closed.title, [page.closed.text]));
  return page.signsIn ? [...all, ...signInStates(setting.prefix)] : all;
}

function form(page: PageText, setting: PageSetting): Html {
  return html`
<form method="post" novalidate data-endpoint="${setting.prefix}${page.operation}" data-busy="${page.busy}">
<p class="problem" tabindex="-1" hidden></p>
${page.asksFor.map((field) => (field === 'email' ? emailField() : passwordField(setting.passwordMinLength)))}
<button class="main">${page.button}</button>
</form>`;
}

function emailField(): Html {
  return html`<div class="field">
<label for="email">Email address</label>
<input id="email" name="email" type="email" autocomplete="username" autocapitalize="none" spellcheck="false"
  required maxlength="254" aria-describedby="email-error">
<p class="field-error" id="email-error" data-empty="Enter your email address."></p>
</div>`;
}

function passwordField(minLength: number): Html {
  return html`<div class="field">
<label for="password">New password</label>
<div class="reveal">
<input id="password" name="password" type="password" autocomplete="new-password" autocapitalize="none" spellcheck="false"
  required data-min-length="${minLength}" aria-describedby="password-hint password-error">
<button type="button" data-reveals="password" aria-label="Show password">Show</button>
</div>
<p class="hint" id="password-hint">At least ${minLength} characters.
A few words in a row are strong and easy to remember.</p>
<p class="field-error" id="password-error" data-empty="Enter a password."
  data-short="The password has fewer than ${minLength} characters."></p>
</div>`;
}
