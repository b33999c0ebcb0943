// Whom a note may name, offered while somebody writes an @. Without a script the name is simply written.
"use strict";
(() => {
  const MOST = 6;
  const FIELD = "textarea[data-names-people], input[data-names-people]";
  let people = null, list = null, field = null, chosen = 0;

  const load = async () => {
    if (people) return people;
    const answer = await fetch("/mentions/people", { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return [];
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    people = [...page.querySelectorAll("#people li")].map((item) => ({ name: item.dataset.name, label: item.textContent.trim() }));
    return people;
  };
  const findBegun = () => {
    const before = field.value.slice(0, field.selectionStart);
    return /(?:^|[^\w@.])@([^\s@]*)$/u.exec(before)?.[1];
  };
  const close = () => {
    list?.remove();
    field?.removeAttribute("aria-controls");
    field?.removeAttribute("aria-activedescendant");
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
    list.append(...fitting.map(({ name, label }, place) => {
      const item = Object.assign(document.createElement("li"), { id: `offered-${place}`, role: "option", textContent: label });
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(name); });
      item.dataset.name = name;
      return item;
    }));
    field.after(list);
    field.setAttribute("aria-controls", list.id);
    chosen = 0;
    mark();
  };
  document.addEventListener("input", ({ target }) => {
    if (!target.matches(FIELD)) return;
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
