(() => {
  let token = takeToken();
  let isBusy = false;
  /** What every page does; the script of a page with more steps replaces what differs. */
  const page = { bodyOf, settle, call, finish, show, sayProblem, settleCommon: settle, credentials: 'omit' };
  globalThis.authPage = page;
  document.documentElement.classList.add('js');

  /** Takes the token out of the address bar and the history, before anybody can photograph, share or bookmark it. */
  function takeToken() {
    const found = new URLSearchParams(location.hash.slice(1)).get('token');
    if (location.hash !== '') history.replaceState(null, '', location.pathname);
    return found;
  }

  function show(name) {
    for (const section of document.querySelectorAll('[data-state]')) section.hidden = section.dataset.state !== name;
  }

  /** Moves the focus as well, so that a screen reader reads the outcome and the keyboard goes on from there. */
  function finish(name) {
    show(name);
    const heading = document.querySelector(`[data-state="${name}"] h1`);
    document.title = heading.textContent;
    heading.focus();
  }

  function sayStatus(text) {
    document.querySelector('[role="status"]').textContent = text;
  }

  function start() {
    for (const form of document.forms) {
      form.addEventListener('submit', (event) => {
        event.preventDefault();
        if (!isBusy && fieldsAreFilled(form)) void submit(form);
      });
      form.addEventListener('input', (event) => sayFieldError(event.target, ''));
    }
    for (const button of document.querySelectorAll('[data-reveals]')) {
      button.addEventListener('click', () => reveal(button));
    }
    // A second link to the same page opened in the same tab changes the fragment only.
    addEventListener('hashchange', () => {
      if (!location.hash.includes('token=')) return;
      token = takeToken();
      for (const form of document.forms) {
        form.reset();
        clearProblems(form);
      }
      show(token ? 'ask' : 'no-token');
    });
    show(token ? 'ask' : 'no-token');
  }

  function reveal(button) {
    const input = document.getElementById(button.dataset.reveals);
    const isShown = input.type === 'password';
    input.type = isShown ? 'text' : 'password';
    button.textContent = isShown ? 'Hide' : 'Show';
    button.setAttribute('aria-label', isShown ? 'Hide password' : 'Show password');
  }

  function fieldsAreFilled(form) {
    clearProblems(form);
    const wrong = [...form.querySelectorAll('input:enabled:not([type=radio])')].filter((input) => {
      const says = document.getElementById(`${input.name}-error`).dataset;
      const length = [...input.value].length;
      const fault = length === 0 ? says.empty : length < Number(input.dataset.minLength ?? 0) ? says.short : '';
      sayFieldError(input, fault);
      return fault !== '';
    });
    wrong[0]?.focus();
    return wrong.length === 0;
  }

  function sayFieldError(input, message) {
    const place = document.getElementById(`${input.name}-error`);
    if (!place) return false;
    place.textContent = message;
    if (message === '') input.removeAttribute('aria-invalid');
    else input.setAttribute('aria-invalid', 'true');
    return true;
  }

  function clearProblems(form) {
    for (const input of form.querySelectorAll('input')) sayFieldError(input, '');
    const problem = form.querySelector('.problem');
    problem.hidden = true;
    problem.textContent = '';
  }

  async function submit(form) {
    const button = form.querySelector('button.main');
    isBusy = true;
    button.setAttribute('aria-disabled', 'true');
    sayStatus(form.dataset.busy);
    const used = token;
    const body = await page.bodyOf(form, used);
    const answer = body && (await call(form.dataset.endpoint, body));
    isBusy = false;
    button.removeAttribute('aria-disabled');
    sayStatus('');
    if (answer && used === token) page.settle(form, answer);
  }

  function bodyOf(form, used) {
    return { token: used, ...Object.fromEntries(new FormData(form)) };
  }

  function settle(form, { status, body }) {
    if (status >= 200 && status < 300) {
      token = null;
      form.reset();
      finish('done');
      if (body.access_token) void endSession(form, body.access_token);
    } else if (body.code === 'token_invalid') finish('dead-link');
    // A token of the wrong shape was cut by a mail program, not used up.
    else if (errorsOf(body).some((error) => error.field === 'token')) finish('no-token');
    else if (body.code === 'setup_closed' && document.querySelector('[data-state="closed"]')) finish('closed');
    else sayProblems(form, status, body);
  }

  /** Cookies stay out, unless signing in is what the page is for: the token alone decides, whoever is signed in here. */
  async function call(path, content, headers = {}) {
    try {
      const answer = await fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
        body: JSON.stringify(content),
        credentials: page.credentials,
        cache: 'no-store',
        redirect: 'error',
        signal: AbortSignal.timeout(30_000),
      });
      return { status: answer.status, body: (await answer.json().catch(() => null)) ?? {} };
    } catch {
      return { status: 0, body: {} };
    }
  }

  /** The set-up answers like a login. This page has no use for the session, and what nobody uses is not to stay open. */
  async function endSession(form, accessToken) {
    const path = form.dataset.endpoint.replace(/\/setup$/, '/auth/logout');
    await call(path, {}, { authorization: `Bearer ${accessToken}` });
  }

  function sayProblems(form, status, body) {
    const rest = [];
    let first = null;
    for (const error of errorsOf(body)) {
      const input = form.querySelector(`input[name="${CSS.escape(String(error.field))}"]`);
      if (input && sayFieldError(input, inWords(error))) first ??= input;
      else rest.push(inWords(error));
    }
    if (first === null && rest.length === 0) rest.push(problemInWords(status, body));
    sayProblem(form, rest.join(' '), first);
  }

  function sayProblem(form, text, first = null) {
    const problem = form.querySelector('.problem');
    problem.textContent = text;
    problem.hidden = text === '';
    (first ?? problem).focus();
  }

  function errorsOf(body) {
    return Array.isArray(body.errors) ? body.errors : [];
  }

  /** The API says "is missing" of a field that it names; below that field it reads "This is missing." */
  function inWords({ message }) {
    const text = String(message);
    return /^[a-z]/.test(text) ? `This ${text}${text.endsWith('.') ? '' : '.'}` : text;
  }

  function problemInWords(status, body) {
    if (status === 0) return 'The server did not answer. Check your connection and try again.';
    if (status === 429) return `Too many tries. Try again in ${Number(body.retry_after) || 60} seconds.`;
    const said = String(body.detail ?? body.title ?? 'Something went wrong. Try again in a moment.');
    return status >= 500 && body.request_id ? `${said} (Reference: ${body.request_id})` : said;
  }

  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', start);
  else start();
})();
