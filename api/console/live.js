// Shows what has changed meanwhile, without disturbing whoever is in the middle of something; and says in words what does not work just now.
"use strict";
(() => {
  const hooks = window.duecourse;
  const find = (selector) => document.querySelector(selector);
  // Where people fill something in, the page is not read again; what does not work is said there, too.
  const isReadAgain = () => Boolean(find("main")?.dataset.refresh);
  const PLAIN_SECONDS = 20;
  const begun = () => [...document.querySelectorAll("main form :is(input, textarea, select)")].some(hooks.isChanged);
  const busy = () =>
    begun() ||
    document.hidden ||
    find("dialog[open]") ||
    find("main :focus:not(a, h1, h2)") ||
    find("main details[open]") ||
    String(window.getSelection());

  const put = (page, part) => {
    const fresh = page.querySelector(part), shown = find(part);
    if (!fresh || !shown || fresh.isEqualNode(shown)) return;
    // What was just done stays said until the reader goes on; it was announced when it came.
    const done = fresh.querySelector(":scope > .done") ? null : shown.querySelector(":scope > .done");
    done?.removeAttribute("role");
    if (done) fresh.prepend(done);
    // So do the boxes that were ticked in a list.
    for (const box of shown.querySelectorAll("input[type=checkbox][name]:checked")) {
      const again = [...fresh.querySelectorAll("input[type=checkbox][name]")].find((each) => each.name === box.name && each.value === box.value);
      if (again) again.checked = true;
    }
    const focused = shown.contains(document.activeElement) ? document.activeElement : null;
    shown.replaceWith(fresh);
    window.htmx?.process(fresh);
    if (focused) (fresh.querySelector(`a[href="${CSS.escape(focused.getAttribute("href") || "")}"]`) || (focused.id && document.getElementById(focused.id)))?.focus({ preventScroll: true });
  };

  // Whoever is typing sees the queue move beside the form; the form itself, and what it is about, stay as they are. While another page is under
  // way, or a letter is being chosen, nothing is touched; what was read of a page that has gone meanwhile is shown nowhere. It is read afterwards.
  let reading = false, missed = false;
  const isTaken = () => Boolean(find("main[aria-busy], main kbd.letter"));
  const again = async (parts = () => [busy() ? ".queue" : "main", "#business-date", "#brakes", "#mentions"]) => {
    if (document.hidden) return;
    if (reading || isTaken()) { missed = true; return; } // the answer under way may be of before the change
    [reading, missed] = [true, false];
    try {
      const asked = location.href, shown = find("main");
      const answer = await fetch(asked, { headers: { Accept: "text/html" } });
      if (answer.redirected) return hooks.warn("signed_out");
      if (!answer.ok) return;
      const text = await answer.text();
      if (asked !== location.href || shown !== find("main") || isTaken()) { missed = true; return; }
      const page = new DOMParser().parseFromString(text, "text/html");
      for (const part of parts()) put(page, part);
    } catch (error) {
      console.info("the page could not be read again", error);
    } finally {
      reading = false;
      hooks.readMissed();
    }
  };
  hooks.readMissed = () => { if (missed && !reading && isReadAgain()) again(); };
  document.addEventListener("htmx:finally:request", hooks.readMissed);

  const stream = find("#live");
  if (!stream || !window.htmx) {
    const seconds = Number(find("main")?.dataset.refresh || PLAIN_SECONDS);
    setInterval(() => { again(() => isReadAgain() && !busy() ? ["main", "#business-date", "#brakes", "#mentions", "#absent"] : ["#absent", "#mentions"]); }, seconds * 1000);
    return;
  }
  let version = null;
  stream.addEventListener("changed", ({ detail }) => {
    if (version !== null && version !== detail.data && (isReadAgain() || isTaken())) again();
    version = detail.data;
  });
  stream.addEventListener("state", ({ detail }) => {
    hooks.tellAbsent(JSON.parse(detail.data));
  });
  stream.addEventListener("htmx:sse:after:connection", () => hooks.settle("unreachable"));
  let signedOut = false;
  stream.addEventListener("htmx:sse:error", ({ detail }) => {
    signedOut = detail.status === 401;
    hooks.warn(signedOut ? "signed_out" : "unreachable");
  });
  stream.addEventListener("htmx:sse:before:connection", ({ detail }) => { if (signedOut) detail.connection.cancelled = true; });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && isReadAgain()) again(); });
})();
