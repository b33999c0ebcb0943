// Acts in place: a form's answer takes the place of the page, the focus goes where the work goes on, and what was done is said aloud. Without htmx,
// or where an answer cannot be shown, the browser does what it always does with links and forms.
"use strict";
(() => {
  const find = (selector) => document.querySelector(selector);
  const hooks = (window.duecourse = {});

  // What is said stays in elements that no swap replaces: only a change of such an element is read out.
  hooks.announce = (text) => {
    const place = find("#announcement");
    if (!place) return;
    place.textContent = "";
    requestAnimationFrame(() => { place.textContent = text; });
  };
  hooks.warn = (name, detail) => {
    const place = find("#warning"), said = find(`#warnings [data-name="${name}"]`);
    if (!place || !said) return;
    place.textContent = [said.textContent, detail].filter(Boolean).join(" ");
    place.dataset.name = name;
    place.hidden = false;
  };
  hooks.tellAbsent = (absent) => {
    const place = find("#absent"), said = find('#warnings [data-name="absent"]');
    const text = absent.length ? [said.textContent, ...absent].join(" ") : "";
    if (!place || place.textContent === text) return;
    place.replaceChildren();
    if (!text) return;
    const banner = document.createElement("p");
    banner.className = "banner";
    banner.textContent = text;
    place.append(banner);
  };
  hooks.settle = (...names) => {
    const place = find("#warning");
    if (place && names.includes(place.dataset.name)) { place.hidden = true; place.textContent = ""; delete place.dataset.name; }
  };

  const MOMENTARY = ["acted", "counted", "queued", "unknown", "decided", "decision"];
  const clean = (address) => {
    const url = new URL(address, location.href);
    for (const name of MOMENTARY) url.searchParams.delete(name);
    return url.pathname + url.search + url.hash;
  };
  const focusOn = (element) => {
    if (!element) return;
    if (element.tabIndex < 0) element.tabIndex = -1;
    element.focus({ preventScroll: false });
  };

  // A list beside the work stays where it was read, with what is open in sight.
  let listTop = 0;
  const keepInSight = () => {
    const left = find(".split .left"), open = left?.querySelector("li.chosen");
    if (!left) return;
    left.scrollTop = listTop;
    const [seen, own] = [left, open].map((each) => each?.getBoundingClientRect());
    if (own && (own.top < seen.top || own.bottom > Math.min(seen.bottom, innerHeight))) left.scrollTop += own.top - seen.top - left.clientHeight / 3;
  };
  keepInSight();

  // Where the work goes on: at a fault; else at the next thing to do; else at what is shown now.
  const arrive = () => {
    const done = find("main p.done");
    if (done) hooks.announce(done.textContent);
    const fault = find('main [aria-invalid="true"], main [aria-describedby$="-fault"], main form [role="alert"]');
    const refusal = find("#refusal");
    if (refusal) return focusOn(refusal);
    if (fault) return focusOn(fault.matches("fieldset") ? fault.querySelector("input") : fault);
    if (!done) return focusOn(find("#work:not(.visually-hidden)") || find("main h1"));
    focusOn(find(".queue li.chosen a") || find("main h1"));
  };

  if (MOMENTARY.some((name) => new URL(location.href).searchParams.has(name))) history.replaceState(history.state, "", clean(location.href));
  const done = find("main p.done");
  if (done) hooks.announce(done.textContent);

  // While the line through time is moved, the day is told; it is shown once the line is let go.
  document.addEventListener("input", ({ target }) => {
    if (!target.matches("input[type=range][data-first]")) return;
    const day = new Date(Date.parse(target.dataset.first) + target.value * 86_400_000);
    const said = day.toLocaleDateString(document.documentElement.lang, { dateStyle: "medium", timeZone: "UTC" });
    target.setAttribute("aria-valuetext", said);
    target.form.querySelector("output strong").textContent = said;
    target.form.elements.on.value = day.toISOString().slice(0, 10);
  });

  // Files are named once they are chosen or dropped, and what would be refused is said before anything is sent.
  const megabytes = (bytes) => (bytes / 2 ** 20).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });
  const sizeOf = ({ size }) => {
    const [factor, unit] = size < 1e6 ? [1e3, "kilobyte"] : [1e6, "megabyte"];
    return (size / factor).toLocaleString(document.documentElement.lang, { style: "unit", unit, maximumFractionDigits: 1 });
  };
  const findFault = (field, files) => {
    const { mostFiles, mostMegabytes, tooMany, tooLarge, empty } = field.dataset;
    const size = files.reduce((sum, file) => sum + file.size, 0), nothing = files.filter((file) => !file.size);
    if (files.length > Number(mostFiles)) return tooMany;
    if (size > Number(mostMegabytes) * 2 ** 20) return tooLarge.replace("{size}", megabytes(size)).replace("{most}", mostMegabytes);
    return files.length && nothing.length === files.length ? empty.replace("{files}", nothing.map((file) => file.name).join(", ")) : "";
  };
  const tellChosen = (field) => {
    const files = [...field.files], [list, fault] = [".chosen-files", ".chosen-fault"].map((name) => field.parentElement.querySelector(name));
    list.replaceChildren(...files.map((file) => Object.assign(document.createElement("li"), { textContent: `${file.name} (${sizeOf(file)})` })));
    list.hidden = !files.length;
    fault.textContent = findFault(field, files);
    fault.hidden = !fault.textContent;
    return fault.hidden;
  };
  const FILES = "input[type=file][data-most-files]";
  document.addEventListener("change", ({ target }) => { if (target.matches(FILES)) tellChosen(target); });
  document.addEventListener("submit", (event) => {
    const field = event.target.querySelector(FILES);
    if (field && !tellChosen(field)) { event.preventDefault(); field.focus(); }
  });
  // They may be dropped anywhere on the part of the page that has the field.
  const findDropField = ({ target, dataTransfer }) =>
    dataTransfer?.types.includes("Files") && !target.matches?.("input[type=file]") ? target.closest?.("section")?.querySelector(FILES) : null;
  document.addEventListener("dragover", (event) => { if (findDropField(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    const field = findDropField(event);
    if (!field) return;
    event.preventDefault();
    field.files = event.dataTransfer.files;
    tellChosen(field);
  });

  // A menu of the header closes when the work goes on elsewhere.
  const menus = () => document.querySelectorAll("header details[open]");
  document.addEventListener("click", ({ target }) => {
    for (const menu of menus()) if (!menu.contains(target)) menu.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const menu of menus()) { menu.open = false; menu.firstElementChild.focus(); }
  });

  // What is computed beside a field leaves the focus in it, also where the field itself is swapped.
  const staying = new WeakSet();
  const showsLetter = (ctx) => (ctx.request.method === "GET" || ctx.response.raw.redirected) && ctx.text.includes('<iframe class="mail"');
  const isAct = (ctx) => ctx.request.method === "POST";
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement?.closest("[data-stay]")) staying.add(ctx);
    listTop = find(".split .left")?.scrollTop ?? 0;
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    if (showsLetter(ctx)) { // its frame has the policy of the page that was loaded: that of this page takes away the letter's style
      event.preventDefault();
      location.assign(ctx.response.raw.url);
    } else if (new URL(ctx.response.raw.url).pathname === "/sign-in") { // what was typed stays here
      event.preventDefault();
      hooks.warn("signed_out");
    } else if (isAct(ctx) && ctx.response.status >= 400 && !['<form class="act"', 'id="refusal"'].some((part) => ctx.text.includes(part))) {
      event.preventDefault();
      hooks.warn("not_done", new DOMParser().parseFromString(ctx.text, "text/html").querySelector("main h1")?.textContent);
    }
  });
  document.addEventListener("htmx:before:history:update", (event) => {
    const { history: change, response, sourceElement } = event.detail;
    if (sourceElement?.method === "post" && !response?.raw.redirected) event.preventDefault(); // a refused form has no address of its own
    else change.path = clean(change.path);
  });
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    if (ctx.status !== "swapped") return;
    hooks.settle("unreachable", "not_done", "signed_out", "stayed");
    keepInSight();
    if (!staying.has(ctx)) arrive();
  });
  document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
    if (ctx?.target?.id === "content") hooks.warn("unreachable");
  });
})();
