// The people of the gallery: rename, merge, remove, and what is stored of each.

import * as api from "./api.js";
import { ask, byId, made, say } from "./dom.js";

const MOST = 200;
let everybody = [];
let onChange = () => {};

export function begin(changed) {
  onChange = changed;
  byId("filter").addEventListener("input", show);
}

export async function load() {
  everybody = await api.people();
  byId("names").replaceChildren(...everybody.slice(0, 1000).map((person) => made("option", { value: person.subject })));
  show();
}

function show() {
  const words = byId("filter").value.trim().toLowerCase();
  const some = everybody.filter((person) => person.subject.toLowerCase().includes(words));
  byId("list").replaceChildren(...some.slice(0, MOST).map(row));
  const hidden = some.length - MOST;
  byId("more").textContent = !everybody.length
    ? "Nobody is enrolled yet: drop photos, and say who the faces are."
    : hidden > 0
      ? `${hidden} more: type a part of the name.`
      : "";
}

function row(person) {
  const { subject, templates, added } = person;
  const item = made("li");
  const action = (text, act) =>
    made("button", { type: "button", textContent: text, attributes: { "aria-label": `${text} ${subject}` }, on: { click: act } });
  const who = made(
    "span",
    { className: "who" },
    subject,
    made("small", { textContent: `${templates} photo${templates === 1 ? "" : "s"}, since ${added.slice(0, 10)}` }),
  );
  const photos = action("Photos", () => toggleStored(item, photos, subject));
  photos.setAttribute("aria-expanded", "false");
  const actions = made(
    "span",
    { className: "actions" },
    photos,
    action("Rename", () => rename(subject)),
    action("Merge", () => merge(subject)),
    action("Remove", () => remove(subject, templates)),
  );
  item.append(made("div", { className: "person" }, who, actions));
  return item;
}

async function toggleStored(item, button, subject) {
  const open = item.querySelector(".stored");
  button.setAttribute("aria-expanded", String(!open));
  if (open) return open.remove();
  try {
    const [stored, pictures] = await Promise.all([api.templates(subject), api.thumbnails(subject)]);
    const rows = stored.map((template) => {
      const text = `${template.source}, ${Math.round(template.quality.size ?? 0)} pixels`;
      const label = { "aria-label": `Remove ${template.source} of ${subject}` };
      const act = () => removePhoto(subject, template);
      const picture = pictures.has(template.sha256) ? [thumbnail(pictures.get(template.sha256))] : [];
      return made("li", {}, ...picture, text, made("button", { type: "button", textContent: "Remove", attributes: label, on: { click: act } }));
    });
    item.append(made("ul", { className: "stored", attributes: { "aria-label": `Photos of ${subject}` } }, ...rows));
  } catch (problem) {
    say(problem.message);
  }
}

// The text beside it says which photo it is from.
function thumbnail(picture) {
  const url = URL.createObjectURL(picture);
  return made("img", { className: "thumbnail", src: url, alt: "", on: { load: () => URL.revokeObjectURL(url) } });
}

// One dialog for all changes; `label` is of the name that is asked for, null where none is. `after` follows a change.
export function change({ title, text, label, value = "", button, act, after = async () => {} }) {
  byId("change-title").textContent = title;
  byId("change-text").textContent = text;
  byId("change-field").hidden = label === null;
  const input = byId("change-name");
  input.required = label !== null;
  input.value = value;
  document.querySelector("label[for=change-name]").textContent = label ?? "";
  document.querySelector("#change .main").textContent = button;
  ask(byId("change"), async () => {
    const done = await act(input.value.trim());
    await onChange();
    await after();
    say([`${title}: done`, ...(done.notes ?? [])].join("; "));
  });
}

const rename = (subject) =>
  change({
    title: `Rename ${subject}`,
    text: "The new name must be nobody's yet.",
    label: "New name",
    value: subject,
    button: "Rename",
    act: (name) => api.rename(subject, name),
  });

const merge = (subject) =>
  change({
    title: `Merge ${subject}`,
    text: `All photos of ${subject} go to the other person, and ${subject} is gone.`,
    label: "The other person",
    button: "Merge",
    act: (name) => api.merge(name, [subject]),
  });

const remove = (subject, templates) =>
  change({
    title: `Remove ${subject}`,
    text: `What is stored of ${subject} is erased: ${templates} photo${templates === 1 ? "" : "s"}. It cannot be taken back.`,
    label: null,
    button: "Remove for good",
    act: () => api.remove([subject]),
  });

const removePhoto = (subject, template) =>
  change({
    title: `Remove ${template.source} of ${subject}`,
    text: "What is stored of this photo is erased. It cannot be taken back.",
    label: null,
    button: "Remove for good",
    act: () => api.removePhotos(subject, [template.sha256]),
  });
