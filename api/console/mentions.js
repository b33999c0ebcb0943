// Whom a note may name, offered while somebody writes an @. Without a script the name is simply written.
"use strict";
(() => {
  const MOST = 6;
  const FIELD = "textarea[data-names-people], input[data-names-people]";
  // What a screen reader is told of the field while the list is there: it stays an ordinary field otherwise.
  const OPENED = { role: "combobox", "aria-autocomplete": "list", "aria-haspopup": "listbox", "aria-expanded": "true" };
  let people = null, list = null, field = null, chosen = 0, label = "";

  const load = async () => {
    if (people) return people;
    const answer = await fetch("/mentions/people", { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return [];
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    label = page.querySelector("#people").getAttribute("aria-label");
    people = [...page.querySelectorAll("#people li")].map((item) => ({ name: item.dataset.name, label: item.textContent.trim() }));
    return people;
  };
  const findBegun = () => {
    const before = field.value.slice(0, field.selectionStart);
    return /(?:^|[^\w@.])@([^\s@]*)$/u.exec(before)?.[1];
  };
  const close = () => {
    if (!list) return;
    list.remove();
    for (const name of [...Object.keys(OPENED), "aria-controls", "aria-activedescendant"]) field.removeAttribute(name);
    list = null;
  };
  const mark = () => {
    [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === chosen)));
    field.setAttribute("aria-activedescendant", list.children[chosen].id);
  };
  const take = (name) => {
    const begun = findBegun() ?? "", at = field.selectionStart;
    field.setRangeText(`${name} `, at - begun.length, at, "end");
    close();
    field.focus();
  };
  const offer = async () => {
    const begun = findBegun()?.toLocaleLowerCase();
    if (begun === undefined) return close();
    const asked = field, known = await load();
    if (asked !== field || findBegun()?.toLocaleLowerCase() !== begun) return;
    const fitting = known.filter(({ label }) => label.toLocaleLowerCase().split(/[\s@]+/).some((word) => word.startsWith(begun))).slice(0, MOST);
    close();
    if (!fitting.length) return;
    list = document.createElement("ul");
    list.className = "offered";
    list.id = "offered-people";
    list.role = "listbox";
    list.ariaLabel = label;
    list.append(...fitting.map(({ name, label }, place) => {
      const item = Object.assign(document.createElement("li"), { id: `offered-${place}`, role: "option", textContent: label });
      item.addEventListener("mousedown", (event) => {
        event.preventDefault();
        if (event.button === 0) take(name);
      });
      item.dataset.name = name;
      return item;
    }));
    field.after(list);
    for (const [name, value] of Object.entries({ ...OPENED, "aria-controls": list.id })) field.setAttribute(name, value);
    chosen = 0;
    mark();
  };
  document.addEventListener("input", ({ target }) => {
    if (!target.matches(FIELD)) return;
    if (target !== field) close();
    field = target;
    offer();
  });
  document.addEventListener("keydown", (event) => {
    if (!list || event.target !== field) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) chosen = (chosen + step + list.children.length) % list.children.length;
    else if (event.key === "Enter" || event.key === "Tab") take(list.children[chosen].dataset.name);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    if (list) mark();
  });
  document.addEventListener("focusout", ({ target }) => { if (target === field) close(); });
})();
