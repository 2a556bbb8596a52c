// Marks insects on a photo: tap to add a point of the chosen pest, tap a point to take it away. The numbers follow.
// Without this script the officer types numbers, and the page works all the same.
"use strict";

const form = document.getElementById("review");
const photo = document.getElementById("photo");
const frame = photo.parentElement;
const fields = new Map(
  [...form.querySelectorAll("input[name=mark-as]")].map((pick, index) => [
    pick.value,
    { index, count: form.elements[`count-${pick.value}`] },
  ]),
);
/** @type {{x: number, y: number, species: string, dot: HTMLElement}[]} */
const marks = [];

document.documentElement.classList.add("js");
for (const mark of JSON.parse(form.dataset.own)) add(mark);
if (marks.length) write();

photo.addEventListener("click", (event) => {
  if (event.target instanceof HTMLButtonElement) return;
  const box = photo.getBoundingClientRect();
  const chosen = form.querySelector("input[name=mark-as]:checked").value;
  add({
    x: clamp((event.clientX - box.left) / box.width),
    y: clamp((event.clientY - box.top) / box.height),
    species: chosen,
  });
  write();
});

document.getElementById("undo").addEventListener("click", () => {
  if (marks.length) remove(marks[marks.length - 1]);
});

document.getElementById("zoom").addEventListener("click", () => {
  const across = (frame.scrollLeft + frame.clientWidth / 2) / photo.clientWidth;
  const down = (frame.scrollTop + frame.clientHeight / 2) / photo.clientHeight;
  photo.classList.toggle("large");
  frame.scrollLeft = across * photo.clientWidth - frame.clientWidth / 2;
  frame.scrollTop = down * photo.clientHeight - frame.clientHeight / 2;
});

const showPhone = document.getElementById("show-phone");
showPhone?.addEventListener("change", () => {
  for (const dot of photo.querySelectorAll(".phone-mark")) dot.remove();
  if (!showPhone.checked) return;
  for (const mark of JSON.parse(form.dataset.phone)) {
    const ring = document.createElement("span");
    ring.className = `phone-mark s${fields.get(mark.species)?.index ?? 0}`;
    place(ring, mark);
  }
});

// The server keeps marks only when they say the same as the numbers.
form.addEventListener("submit", () => {
  const sent = marks.map(({ x, y, species }) => ({ x: round(x), y: round(y), species }));
  form.elements.marks.value = sent.length ? JSON.stringify(sent) : "";
});

function add({ x, y, species }) {
  if (!fields.has(species)) return;
  const dot = document.createElement("button");
  dot.type = "button";
  dot.className = `mark s${fields.get(species).index}`;
  dot.setAttribute("aria-label", species);
  const mark = { x, y, species, dot };
  dot.addEventListener("click", () => remove(mark));
  place(dot, mark);
  marks.push(mark);
}

function remove(mark) {
  mark.dot.remove();
  marks.splice(marks.indexOf(mark), 1);
  write();
}

/** A pest that has points gets their number; one whose last point went gets 0; one that never had any stays as typed. */
function write() {
  for (const [species, { count }] of fields) {
    const found = marks.filter((mark) => mark.species === species).length;
    if (found || count.dataset.marked) count.value = String(found);
    if (found) count.dataset.marked = "yes";
  }
}

function place(element, { x, y }) {
  element.style.left = `${100 * x}%`;
  element.style.top = `${100 * y}%`;
  photo.append(element);
}

function clamp(share) {
  return Math.min(1, Math.max(0, share));
}

function round(share) {
  return Math.round(share * 10000) / 10000;
}
