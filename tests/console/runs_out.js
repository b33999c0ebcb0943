() => {
  const hidden = ".visually-hidden, .skip, svg, [aria-hidden], .stacking thead, .many label, .scroll:has(> .wide, > svg)";
  const isSeen = (each) => each.checkVisibility() && !each.closest(hidden);
  const hasText = (each) => [...each.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const isStuck = (each) => each && (/sticky|fixed/.test(getComputedStyle(each).position) || isStuck(each.parentElement));
  const name = (each) => `${each.tagName.toLowerCase()}.${each.className} “${each.textContent.trim().slice(0, 60)}”`;

  const runsOut = (each) => each.clientWidth && each.scrollWidth > each.clientWidth + 1;
  const out = [...document.querySelectorAll("body *:not(input, select, textarea, pre, iframe)")]
    .filter((each) => runsOut(each) && isSeen(each) && (hasText(each) || each.matches(".scroll")));

  const pressed = [...document.querySelectorAll("a, button, input, select, textarea, summary")]
    .filter((each) => isSeen(each) && !isStuck(each) && each.getClientRects().length === 1)
    .map((each) => [each, each.getBoundingClientRect()])
    .filter(([, box]) => box.height);
  const covers = ([each, box], [other, beside]) =>
    !each.contains(other) && !other.contains(each) &&
    Math.min(box.right, beside.right) - Math.max(box.left, beside.left) > 1 &&
    Math.min(box.bottom, beside.bottom) - Math.max(box.top, beside.top) > 1;
  const over = pressed.flatMap((each, index) => pressed.slice(index + 1).filter((other) => covers(each, other)).map((other) => [each, other]));

  return [
    ...out.map((each) => `runs out of its box: ${name(each)}`),
    ...over.map(([[each], [other]]) => `${name(each)} covers ${name(other)}`),
  ].slice(0, 3);
}
