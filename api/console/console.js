// Reads the page again from time to time, unless someone is in the middle of something on it; and says only once what was just done.
"use strict";
(() => {
  const seconds = Number(document.body.dataset.refresh || 0);
  const shown = new URL(location.href);
  if (shown.searchParams.has("acted")) {
    for (const name of ["acted", "queued"]) shown.searchParams.delete(name);
    history.replaceState(history.state, "", shown);
  }
  const changed = (field) => field.type === "radio" || field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
  const begun = () => [...document.querySelectorAll("main form :is(input, textarea)")].some(changed);
  const busy = () =>
    begun() ||
    document.hidden ||
    document.querySelector("main :focus:not(a)") ||
    document.querySelector("main details[open]") ||
    String(window.getSelection());
  const again = async () => {
    if (!busy()) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (answer.redirected) return location.reload();
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const focused = document.activeElement && document.activeElement.getAttribute("href");
        for (const part of ["main", "#business-date"]) {
          const fresh = page.querySelector(part), shown = document.querySelector(part);
          if (fresh && shown && !busy()) shown.replaceWith(fresh);
        }
        if (focused) document.querySelector(`main a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
      } catch (error) {
        console.info("the page could not be read again", error);
      }
    }
    setTimeout(again, seconds * 1000);
  };
  if (seconds) setTimeout(again, seconds * 1000);
})();
