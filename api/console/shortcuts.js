// Single keys, for whoever has not switched them off. They act on what the page shows: a key whose act is not offered does nothing.
"use strict";
(() => {
  if (!window.tinykeys || document.body.dataset.shortcuts !== "on") return;
  const find = (selector) => document.querySelector(selector);
  const ROWS = ".queue ol a, main tbody th[scope=row] a:first-of-type, main ul.tasks > li > a:first-of-type";

  const move = (step) => () => {
    const rows = [...document.querySelectorAll(ROWS)].filter((row) => row.checkVisibility());
    if (!rows.length) return;
    const chosen = rows.indexOf(document.activeElement) >= 0 ? document.activeElement : find(".queue li.chosen a");
    const at = rows.indexOf(chosen);
    const next = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  const open = () => (document.activeElement?.matches("main a") ? document.activeElement : find(".queue li.chosen a"))?.click();

  // An act's form on the page; else the link to its form.
  const act = (fields, ...names) => () => {
    for (const name of names) {
      const form = find(`form.act[action="/act/${name}"]`);
      const field = form?.querySelector(fields) || (form && !form.querySelector(fields) ? form.querySelector("input:not([type=hidden]), select, textarea") : null);
      if (field) {
        field.closest("details")?.setAttribute("open", "");
        return field.focus();
      }
      const link = find(`main a.button[href^="/act/${name}?"]`);
      if (link) return link.click();
    }
  };
  const choose = (verdict) => () => {
    const choice = find(`form.act input[type=radio][name=decision][value=${verdict}]`);
    if (choice) { choice.checked = true; choice.focus(); }
  };
  const pick = (place) => () => {
    const choice = document.querySelectorAll("form.act fieldset.digits input")[place];
    if (choice) { choice.checked = true; choice.focus(); }
  };
  const go = (path) => () => { if (find(`header nav a[href="${path}"]`)) location.assign(path); };
  const search = () => { const field = find("#find"); field?.focus(); field?.select(); };

  // The list stands on a page of its own; here it is shown over the page, so that nothing on it is lost.
  const help = async () => {
    const dialog = find("#help");
    if (!dialog.firstElementChild) {
      try {
        const answer = await fetch("/shortcuts", { headers: { Accept: "text/html" } });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        dialog.append(...page.querySelectorAll("#shortcuts, #close-help"));
      } catch {
        return location.assign("/shortcuts");
      }
    }
    dialog.showModal();
  };

  const keys = {
    "g t": go("/today"), "g p": go("/"), "g c": go("/accounts"), "g a": go("/approvals"), "g l": go("/letters"), "g i": go("/inbox"),
    j: move(1), k: move(-1), o: open,
    c: act("input:not([type=hidden]), select", "log_account_call"),
    p: act('[name="promises.0.amount"]', "make_promise", "log_account_call"),
    d: act('[name="disputes.0.amount"]', "raise_dispute", "log_account_call"),
    e: act("select, input:not([type=hidden])", "escalate_invoice"),
    n: act("textarea", "add_account_note", "add_note"),
    a: choose("approve"), r: choose("reject"), t: choose("return"),
    "[Shift]+/": search, "[Shift]+?": help,
  };
  const handle = (run) => (event) => {
    if (find("dialog[open]")) return;
    event.preventDefault();
    run();
  };
  const bind = (bound, options) => tinykeys.tinykeys(window, Object.fromEntries(Object.entries(bound).map(([key, run]) => [key, handle(run)])), options);
  bind(keys);
  // A digit makes another choice while one is being made.
  const digits = Object.fromEntries([...Array(9).keys()].map((place) => [String(place + 1), pick(place)]));
  bind(digits, { ignore: ({ repeat, target }) => repeat || target.matches("textarea, select, input:not([type=radio])") });
})();
