"use strict";
const ORDER = ["group", "number", "source", "face", "verdict", "name"];
// What a spreadsheet would run as a formula is led by an apostrophe, as in all tables of facekit.
const FORMULA = /^ *[=+\-@\t\r＝＋－＠]/u;
const status = document.getElementById("status");
let unsaved = false;

const cell = (value) => `"${(FORMULA.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`;
const text = (element) => (element ? element.value.trim().replace(/\s+/gu, " ") : "");

function rowOf(section, item, verdict, name) {
  const { number, source, face } = item.dataset;
  return [section.dataset.group, number, source, face, verdict, name];
}

function rowsOf(section) {
  const items = [...section.querySelectorAll(".faces li")];
  if (section.dataset.group === "") {
    return items.flatMap((item) => {
      const name = text(item.querySelector(".name"));
      if (item.querySelector(".ignore").checked) return [rowOf(section, item, "ignored", "")];
      return name ? [rowOf(section, item, "named", name)] : [];
    });
  }
  const name = text(section.querySelector(".name"));
  const ignored = section.querySelector(".ignore").checked;
  // Who is known already is enrolled with these photos only on demand, or under another name.
  const learn = section.querySelector(".learn");
  const takes = !learn || learn.checked || name !== section.dataset.subject;
  return items.flatMap((item) => {
    if (item.querySelector(".out").checked) {
      const of = name || section.dataset.subject;
      return of && !ignored ? [rowOf(section, item, "not_this_group", of)] : [];
    }
    if (ignored) return [rowOf(section, item, "ignored", "")];
    return name && takes ? [rowOf(section, item, "named", name)] : [];
  });
}

function rows() {
  return [...document.querySelectorAll("section")].flatMap(rowsOf);
}

function tell() {
  const all = rows();
  const people = new Set(all.filter((row) => row[4] === "named").map((row) => row[5]));
  const of = (count, one, more) => `${count} ${count === 1 ? one : more}`;
  status.textContent = all.length
    ? `${of(people.size, "person", "people")}, ${of(all.length, "face", "faces")}${unsaved ? " to save" : " saved in names.csv"}`
    : "Nobody has a name yet.";
}

function save() {
  const lines = [ORDER, ...rows()].map((row) => row.map(cell).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  link.download = "names.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  unsaved = false;
  tell();
}

document.addEventListener("input", () => {
  unsaved = true;
  tell();
});
document.getElementById("save").addEventListener("click", save);
window.addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
tell();
