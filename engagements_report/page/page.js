"use strict";
// Shows the values of a day of a chart, by mouse, touch or arrow keys; they are in the table below.
const shorten = (text) => (/^\d+\.\d{4}$/.test(text) ? Number(text).toFixed(1) : text);
for (const figure of document.querySelectorAll("figure[data-table]")) {
  const table = document.getElementById(figure.dataset.table);
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const last = names.at(-1) === "days in window" ? -1 : undefined;
  const rows = [...table.tBodies[0].rows].reverse();
  const ground = figure.querySelector(".ground");
  const slider = figure.querySelector("input");
  const values = figure.querySelector("output");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  line.setAttribute("class", "day");
  line.setAttribute("y2", ground.getAttribute("height"));
  ground.after(line);

  const show = (index) => {
    const cells = [...rows[index].cells].map((cell) => cell.textContent.trim());
    const texts = cells.slice(1, last).map((value, nth) => `${names[nth + 1]} ${shorten(value)}`);
    const x = `${(100 * (index + 0.5)) / rows.length}%`;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    slider.value = index;
    slider.setAttribute("aria-valuetext", `${cells[0]}: ${texts.join(", ")}`);
    values.textContent = `${cells[0]}: ${texts.join(" · ")}`;
  };
  const follow = (event) => {
    const frame = ground.getBoundingClientRect();
    const index = Math.floor(((event.clientX - frame.left) / frame.width) * rows.length);
    show(Math.min(rows.length - 1, Math.max(0, index)));
  };
  slider.max = rows.length - 1;
  slider.hidden = false;
  figure.addEventListener("pointermove", follow);
  figure.addEventListener("pointerdown", follow);
  slider.addEventListener("input", () => show(Number(slider.value)));
  show(rows.length - 1);
}
