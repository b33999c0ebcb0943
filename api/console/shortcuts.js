// Single keys, for whoever has not switched them off. They act on what the page shows: a key whose act is not offered does nothing.
"use strict";
(() => {
  if (!window.tinykeys || document.body.dataset.shortcuts !== "on") return;
  const hooks = window.duecourse;
  const find = (selector) => document.querySelector(selector);

  // A key that is pressed while a page is under way is meant for the page that comes, and is pressed there; where none came, what was typed
  // stands in its field, and a form that was refused is read first. It comes before all else that hears of keys.
  const TYPED = "textarea, select, input:not([type=radio], [type=checkbox])";
  const pressAgain = ({ key, code, shiftKey }) => {
    const at = document.activeElement ?? document.body;
    if (at.matches(TYPED)) document.execCommand("insertText", false, key);
    else at.dispatchEvent(new KeyboardEvent("keydown", { key, code, shiftKey, bubbles: true, cancelable: true }));
  };
  window.addEventListener("keydown", (event) => {
    const { key, target } = event, isOne = key.length === 1 && key !== " " && !event.isComposing;
    if (!isOne || event.ctrlKey || event.metaKey || event.altKey || !hooks.isUnderWay() || find("dialog[open]")) return;
    const isTyped = target.matches(TYPED);
    if (isTyped && !hooks.isBeingSent(target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    hooks.afterwards((hasCome) => { if (hasCome || (isTyped && target === document.activeElement)) pressAgain(event); });
  }, true);
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
  // What has a key of its own on the page; what is chosen in a list comes first, where the focus is on it.
  const press = (key) => () => find(`main :is(a, button)[data-key="${key}"]`)?.click();
  const open = () => (document.activeElement?.matches("main a") ? document.activeElement : find('main a[data-key="o"]') || find(".queue li.chosen a"))?.click();

  // By the letter of an act: its form on the page, else that part of a form of several acts, else the link to its form, else to the form that has that part.
  const FIELDS = "input:not([type=hidden]), select, textarea";
  const PARTS = { m: '[name="promises.0.amount"]', d: '[name="disputes.0.amount"]' };
  const act = (letter) => () => {
    const field = find(`form.act[data-key="${letter}"]`)?.querySelector(FIELDS) || (PARTS[letter] && find(`form.act ${PARTS[letter]}`));
    if (field) {
      field.closest("details")?.setAttribute("open", "");
      return field.focus();
    }
    const link = find(`main a.button[data-key="${letter}"]`) || (PARTS[letter] && find('main a.button[data-key="c"]'));
    link?.click();
  };
  const choose = (verdict) => () => {
    const choice = find(`form.act input[type=radio][name=decision][value=${verdict}]`);
    if (choice) { choice.checked = true; choice.focus(); }
  };
  const pick = (place) => () => {
    const choice = [...document.querySelectorAll("form.act fieldset.digits input")].filter((each) => each.checkVisibility())[place];
    if (choice) { choice.checked = true; choice.focus(); }
  };
  const go = (letter) => () => { const link = find(`header nav a[data-key="${letter}"]`); if (link) location.assign(link.href); };
  const search = () => { const field = find("#find"); field?.focus(); field?.select(); };

  // All that the page offers gets a letter: of its own name the first that is free, else any other. A link is followed; of a form the first field
  // is gone to, for what it does is sent by whoever has filled it in.
  const nameOf = (element) => (element.dataset.name ?? [...element.childNodes].filter((each) => each.nodeName !== "KBD").map((each) => each.textContent).join("")).trim().replace(/\s+/g, " ");
  const offered = () => {
    const forms = new Set();
    return [...document.querySelectorAll("main a.button, main form button, main button[form], main summary")].filter((element) => {
      if (!element.checkVisibility() || !nameOf(element)) return false;
      if (!element.form?.querySelector(FIELDS)) return true;
      return !forms.has(element.form) && forms.add(element.form);
    });
  };
  const give = (elements) => {
    const given = new Map();
    for (const element of elements) {
      const own = nameOf(element).normalize("NFD").toLowerCase().match(/[a-z]/g) || [];
      const letter = [...own, ..."abcdefghijklmnopqrstuvwxyz123456789"].find((each) => !given.has(each));
      if (letter) given.set(letter, element);
    }
    return given;
  };
  const take = (element) => {
    const field = element.form?.querySelector(FIELDS);
    if (!field) element.focus();
    if (field) { field.closest("details")?.setAttribute("open", ""); field.focus(); } else if (!element.form) element.click();
  };
  let menu = null;
  const closeMenu = () => {
    for (const key of document.querySelectorAll("main kbd.letter")) key.remove();
    for (const element of menu?.values() ?? []) delete element.dataset.name;
    menu = null;
    hooks.readMissed();
  };
  const findLike = (element) => offered().find((each) => nameOf(each) === nameOf(element) && each.getAttribute("href") === element.getAttribute("href"));
  const openMenu = () => {
    for (const more of document.querySelectorAll("main details.more-acts")) more.open = true;
    menu = give(offered());
    for (const [letter, element] of menu) {
      element.dataset.name = nameOf(element);
      element.append(Object.assign(document.createElement("kbd"), { className: "letter", ariaHidden: "true", textContent: letter }));
    }
    menu.values().next().value?.focus();
  };
  window.addEventListener("keydown", (event) => {
    if (!menu || event.ctrlKey || event.metaKey || event.altKey || ["Shift", "Tab"].includes(event.key)) return;
    const chosen = menu.get(event.key.toLowerCase());
    closeMenu();
    if (!chosen && event.key !== "Escape") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const shown = chosen && (chosen.isConnected ? chosen : findLike(chosen)); // the page may have been shown anew since
    if (shown) take(shown);
  }, true);
  window.addEventListener("pointerdown", () => { if (menu) closeMenu(); }, true);

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
    const here = [...give(offered())];
    dialog.querySelector("#keys-here").hidden = !here.length;
    dialog.querySelector("#keys-here dl").replaceChildren(...here.map(([letter, element]) => {
      const row = document.createElement("div"), key = document.createElement("dt"), what = document.createElement("dd");
      key.append(Object.assign(document.createElement("kbd"), { textContent: `. ${letter}` }));
      what.textContent = nameOf(element);
      row.append(key, what);
      return row;
    }));
    dialog.showModal();
    dialog.scrollTop = 0;
  };

  // The space bar ticks what stands in a queue, wherever in it the focus is.
  document.addEventListener("keydown", (event) => {
    const box = event.key === " " && event.target.matches(".queue li a") && event.target.closest("li").querySelector("input[type=checkbox]");
    if (!box) return;
    event.preventDefault();
    box.click();
  });

  // Two keys in a row come first: what they do is all that the second does.
  const keys = {
    ...Object.fromEntries([..."abcdefghijklmnopqrstuvwxyz"].map((letter) => [`g ${letter}`, go(letter)])),
    j: move(1), k: move(-1), o: open,
    ...Object.fromEntries([..."cdemnpuw"].map((letter) => [letter, act(letter)])),
    a: choose("approve"), r: choose("reject"), t: choose("return"),
    ...Object.fromEntries([..."lsx"].map((key) => [key, press(key)])),
    ".": openMenu, "[Shift]+/": search, "[Shift]+?": help,
  };
  const handle = (run) => (event) => {
    if (find("dialog[open]")) return;
    event.preventDefault();
    run();
  };
  const bind = (bound, options) => tinykeys.tinykeys(window, Object.fromEntries(Object.entries(bound).map(([key, run]) => [key, handle(run)])), options);
  bind(keys);
  bind({ "$mod+Enter": press("save") }, { ignore: ({ repeat }) => repeat });
  // A digit makes another choice while one is being made.
  const digits = Object.fromEntries([...Array(9).keys()].map((place) => [String(place + 1), pick(place)]));
  bind(digits, { ignore: ({ repeat, target }) => repeat || target.matches("textarea, select, input:not([type=radio])") });
})();
