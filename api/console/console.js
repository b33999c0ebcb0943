// Reads the page again from time to time, unless someone is in the middle of something on it.
"use strict";
(() => {
  const seconds = Number(document.body.dataset.refresh || 0);
  const busy = () =>
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
