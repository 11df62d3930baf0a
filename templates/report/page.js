"use strict";
(function () {
  const tip = document.getElementById("tip");
  let hot = null;

  function show(target, x, y) {
    if (hot && hot !== target) cool();
    hot = target;
    hot.classList.add("hot");
    if (hot.ownerSVGElement) hot.ownerSVGElement.classList.add("has-hot");
    tip.textContent = hot.dataset.tip;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = Math.min(Math.max(12, x + 14), innerWidth - box.width - 12);
    const below = y + 18 + box.height < innerHeight;
    tip.style.transform = `translate(${left}px, ${below ? y + 18 : Math.max(8, y - box.height - 12)}px)`;
  }

  function cool() {
    if (!hot) return;
    hot.classList.remove("hot");
    if (hot.ownerSVGElement) hot.ownerSVGElement.classList.remove("has-hot");
    hot = null;
    tip.hidden = true;
  }

  function follow(event) {
    const target = event.target.closest ? event.target.closest("[data-tip]") : null;
    if (target) show(target, event.clientX, event.clientY);
    else cool();
  }

  document.addEventListener("pointermove", follow);
  document.addEventListener("pointerdown", follow);
  document.addEventListener("pointerleave", cool);
  document.addEventListener("scroll", cool, { passive: true });
  document.addEventListener("focusin", (event) => {
    if (!event.target.matches("[data-tip]:focus-visible")) return;
    const box = event.target.getBoundingClientRect();
    show(event.target, box.left, Math.max(box.top, 0));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") cool();
  });

  // A label of which less than a few letters can be seen says less than none.
  function fit() {
    for (const label of document.querySelectorAll(".label, .bands span")) {
      const text = label.firstElementChild, upright = label.classList.contains("upright");
      const long = upright ? label.clientHeight : label.clientWidth;
      const thick = upright ? label.clientWidth : label.clientHeight;
      const needed = upright ? text.scrollHeight : text.scrollWidth;
      label.classList.toggle("tight", thick < 13 || long < Math.min(needed + 3, 84));
    }
  }
  addEventListener("resize", fit);
  fit();

  const choice = document.getElementById("round");
  if (choice) {
    choice.addEventListener("change", () => {
      for (const round of document.querySelectorAll(".round")) round.hidden = round.dataset.round !== choice.value;
      fit();
    });
  }

  function key(row, column) {
    const value = row.cells[column].dataset.v;
    return value !== "" && isFinite(value) ? Number(value) : value;
  }

  for (const table of document.querySelectorAll(".sortable")) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      head.firstElementChild.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const rows = Array.from(table.tBodies[0].rows);
        rows.sort((a, b) => {
          const x = key(a, column), y = key(b, column);
          const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
          return descending ? -order : order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  }
})();
