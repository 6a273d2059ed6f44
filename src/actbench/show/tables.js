// Tables that can be sorted: a button in each heading of a table of class `sortable`; `fill` makes one of rows.
// On paper nothing can be unfolded, so what is folded in a cell is open while the page is printed.
"use strict";
(function () {
  const text = (cell) => (cell.dataset.order !== undefined ? cell.dataset.order : cell.textContent);

  // Numbers before words, and what is empty last in either direction.
  function compare(a, b, sign) {
    if (a === "" || b === "") return (a === "") - (b === "");
    const x = Number(a), y = Number(b);
    if (!Number.isNaN(x) && !Number.isNaN(y)) return sign * (x - y);
    if (Number.isNaN(x) !== Number.isNaN(y)) return sign * (Number.isNaN(x) - Number.isNaN(y));
    return sign * a.localeCompare(b, "en");
  }
  function sort(head, place) {
    const table = head.closest("table"), sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].filter((row) => row.cells.length > place);
    rows.sort((one, other) => compare(text(one.cells[place]), text(other.cells[place]), sign));
    table.tBodies[0].append(...rows);
  }
  function equip(table) {
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", () => sort(head, place));
      head.replaceChildren(button);
    });
  }
  function fill(place, heads, rows) {
    const table = document.createElement("table"), head = table.createTHead().insertRow(), body = table.createTBody();
    const numeric = heads.map((_, column) => rows.every((row) => !Number.isNaN(Number(row[column]))));
    heads.forEach((label, column) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = label;
      if (numeric[column]) cell.className = "number";
      head.append(cell);
    });
    for (const row of rows) {
      const line = body.insertRow();
      row.forEach((value, column) => {
        const cell = line.insertCell();
        cell.textContent = String(value);
        if (numeric[column]) cell.className = "number";
      });
    }
    equip(table);
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "The numbers drawn");
    scroll.append(table);
    place.replaceChildren(scroll);
  }
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("td details:not([open])")];
    for (const cell of folded) cell.open = true;
  });
  addEventListener("afterprint", () => {
    for (const cell of folded) cell.open = false;
  });
  document.querySelectorAll("table.sortable").forEach(equip);
  window.actbenchTables = { fill };
})();
