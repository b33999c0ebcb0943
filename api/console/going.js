// From one thing of a queue to the next: the link that was followed last is the one that is shown, and nothing that was typed is lost on the way.
"use strict";
(() => {
  const hooks = window.duecourse;
  const find = (selector) => document.querySelector(selector);
  const showsPage = (ctx) => ctx?.target?.id === "content";
  const isGoing = (ctx) => ctx.request.method === "GET";

  // What is typed stays with its form, by what the form is about, until it was sent: it stands there again once the form is shown again. A decision
  // does not, for the facts may be others by then.
  const FIELDS = "input:not([type=hidden], [type=file], [type=password], [name=decision]), select, textarea:not(.masked)";
  const typed = new Map();
  hooks.isChanged = (field) => field.type === "radio" || field.type === "checkbox" ? field.checked !== field.defaultChecked
    : field.matches("select") ? [...field.options].some((option) => option.selected !== option.defaultSelected)
    : field.value !== field.defaultValue;
  const fieldsOf = (form) => [...form.elements].filter((field) => field.matches(FIELDS) && field.name);
  const subjectOf = (form) => [form.getAttribute("action"), ...[...form.elements].filter(({ type, name }) => type === "hidden" && name.endsWith("_id"))
    .map(({ name, value }) => `${name}=${value}`)].join("\n");
  const copy = ({ name, type, value, checked, options }) => ({ name, type, value, checked, options: options && [...options].map(({ selected }) => selected) });
  const keep = (sent) => {
    for (const form of document.querySelectorAll("main form")) {
      const fields = fieldsOf(form).filter(hooks.isChanged);
      if (fields.length && form !== sent) typed.set(subjectOf(form), fields.map(copy));
      else typed.delete(subjectOf(form));
    }
  };
  const putBack = (form) => {
    for (const kept of typed.get(subjectOf(form)) ?? []) {
      const isBox = kept.type === "radio" || kept.type === "checkbox";
      const field = fieldsOf(form).find(({ name, type, value }) => name === kept.name && type === kept.type && (!isBox || value === kept.value));
      if (!field) continue;
      if (isBox) field.checked = kept.checked;
      else if (field.options) [...field.options].forEach((option, place) => { option.selected = Boolean(kept.options[place]); });
      else field.value = kept.value;
      field.closest("details")?.setAttribute("open", "");
    }
  };

  // `going`: the request of the link that was followed last; `acting`: those of the forms that are being sent. A link that is followed while a
  // form is being sent waits for its answer: what it refuses must be read.
  let going = null, next = null;
  const acting = new Set();
  const stay = () => {
    going?.request.abort();
    going = null;
  };
  const follow = (address) => {
    const link = [...document.querySelectorAll("main a[href]")].find(({ pathname, search }) => pathname + search === address);
    if (link) link.click();
    else location.assign(address);
  };
  document.addEventListener("htmx:before:request", (event) => {
    const { ctx } = event.detail;
    if (!showsPage(ctx)) return;
    if (isGoing(ctx) && acting.size) {
      next = ctx.request.action;
      return event.preventDefault();
    }
    stay();
    if (isGoing(ctx)) going = ctx;
    else {
      acting.add(ctx);
      next = null;
    }
    ctx.target.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    const isShown = ctx === going || acting.has(ctx);
    if (isShown && !ctx.target.isConnected) ctx.target = find("#content"); // the page was read again, or another form was answered meanwhile
  });
  document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => { if (showsPage(ctx)) keep(isGoing(ctx) ? null : ctx.sourceElement); });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => { if (showsPage(ctx)) document.querySelectorAll("main form").forEach(putBack); });
  // What is done while a page is under way waits for it: `run` is told whether the page came, or the one that was there stays.
  const waiting = [];
  hooks.isUnderWay = () => Boolean(going || acting.size);
  hooks.isBeingSent = (field) => [...acting].some(({ sourceElement }) => field.form && field.form === sourceElement);
  hooks.afterwards = (run) => { waiting.push(run); };
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    const hasActed = acting.delete(ctx), hasGone = ctx === going;
    if (hasGone) going = null;
    if (hooks.isUnderWay()) return;
    find("#content")?.removeAttribute("aria-busy");
    const hasCome = ctx.status === "swapped" && (hasGone || (hasActed && ctx.response.raw.redirected));
    const address = next;
    next = null;
    if (address && hasCome) follow(address);
    if (!hooks.isUnderWay()) waiting.splice(0).forEach((run) => run(hasCome));
  });
  document.addEventListener("input", ({ target }) => {
    if (!going || !target.closest("main form") || target.closest(".queue")) return;
    stay();
    hooks.warn("stayed");
  });

  // A link that is replaced by its like while it is being pressed is followed all the same: the browser itself would not.
  const NEAR = 8;
  let pressed = null;
  document.addEventListener("pointerdown", ({ target, button, ctrlKey, metaKey, shiftKey, clientX, clientY }) => {
    const link = button === 0 && !ctrlKey && !metaKey && !shiftKey && target.closest?.("main a[href]");
    pressed = link ? { link, clientX, clientY } : null;
  });
  document.addEventListener("pointerup", ({ clientX, clientY }) => {
    const { link, ...from } = pressed ?? {};
    pressed = null;
    if (!link || link.isConnected || Math.hypot(clientX - from.clientX, clientY - from.clientY) > NEAR) return;
    follow(link.pathname + link.search);
  });
})();
