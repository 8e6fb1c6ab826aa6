// Photos that were dropped, with a box and a name for each face; and the dialog that says who a face is.

import * as api from "./api.js";
import { drawCrop } from "./crop.js";
import { ask, byId, counted, made, say } from "./dom.js";
import { dropped, isPicture } from "./files.js";

const photos = [];
const AT_ONCE = 2;
const DENIABLE = 2;

let onEnrolled = async () => {};
const stale = new Set();

export function begin(enrolled) {
  onEnrolled = enrolled;
  const drop = byId("drop");
  byId("files").addEventListener("change", (event) => {
    add([...event.target.files]);
    event.target.value = "";
  });
  byId("folder").addEventListener("change", (event) => {
    const path = (file) => file.webkitRelativePath;
    add([...event.target.files].filter(isPicture).sort((one, other) => path(one).localeCompare(path(other), "en", { numeric: true })));
    event.target.value = "";
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
    });
  }
  document.addEventListener("drop", async (event) => add(await dropped(event.dataTransfer)));
}

function add(files) {
  const added = files.map((file) => {
    const figure = made("figure");
    const url = URL.createObjectURL(file);
    const photo = { file, figure, image: made("img", { src: url, alt: `Photo ${file.name}` }) };
    // Formats that the browser cannot show: the boxes stand on an empty ground of the photo's shape.
    photo.image.addEventListener("error", () => {
      photo.image.alt = `${file.name} (this browser cannot show it)`;
      shape(photo);
    });
    show(photo, null);
    photos.push(photo);
    return photo;
  });
  byId("results").prepend(...added.map((photo) => photo.figure));
  if (added.length) look(added);
  else say("No photo is among them.");
}

function shape({ image, result }) {
  if (!image.naturalWidth && result?.width) image.style.aspectRatio = `${result.width} / ${result.height}`;
}

// Look through photos, a few at a time.
async function look(some) {
  const waiting = [...some];
  let done = 0;
  const worker = async () => {
    for (let photo; (photo = waiting.shift()); ) {
      stale.delete(photo);
      say(`Looking at photo ${++done} of ${some.length}`);
      try {
        photo.result = await api.identify(photo.file);
        photo.problem = photo.result.error;
      } catch (problem) {
        photo.problem = problem.message;
      }
      show(photo, photo.result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const faces = some.flatMap((photo) => (photo.problem ? [] : photo.result.faces));
  const named = faces.filter((face) => face.subject).length;
  say(`${counted(faces.length, "face")} in ${counted(some.length, "photo")}, ${named} with a name`);
  const unknown = unknownFaces().length;
  byId("to-groups").hidden = unknown < 2;
  byId("show-unknown").textContent = `Name ${unknown} unknown faces in groups`;
}

export const lookAgain = (some = photos) => (some.length ? look(some) : undefined);

// These faces got a name: their photos, and those with a face that may be the same person's, are looked at again when
// they are to be seen.
export function named(faces, subject) {
  for (const { photo, place } of faces) {
    photo.result.faces[place].subject = subject;
    stale.add(photo);
  }
  unknownFaces().forEach(({ photo }) => stale.add(photo));
}

// The gallery is another one: all photos.
export function outdate() {
  photos.forEach((photo) => stale.add(photo));
}

export function refresh() {
  return lookAgain(photos.filter((photo) => stale.has(photo)));
}

const facesOf = (photo) => (photo.problem ? [] : (photo.result?.faces ?? []));

// Faces that are not asked about again, while the page is open.
export function leaveOut(faces) {
  for (const { photo, place } of faces) (photo.leftOut ??= new Set()).add(place);
}

// All faces that wait for a name, with their photos and their places in them.
export const unknownFaces = () =>
  photos
    .flatMap((photo) => facesOf(photo).map((face, place) => ({ photo, place, face, seal: face.seal })))
    .filter(({ photo, place, face }) => !face.subject && !photo.leftOut?.has(place));

// Why a face is unknown, where that is more than that nobody is like it.
const REASONS = {
  already_in_picture: "another face of this photo has the name",
  ambiguous: "two people are as likely",
  too_dark: "too dark to tell",
  too_poor: "only poor photos of the person are stored",
  like_many: "nearly as like several others",
  denied: "it was said that it is not",
};

function titleOf(face, number) {
  const score = face.score === undefined || face.score === null ? "" : `, score ${face.score.toFixed(2)}`;
  const reason = REASONS[face.reason];
  const why = reason ? ` (${[reason, ...(face.contenders ?? [])].join(", ")})` : "";
  return `Face ${number}: ${face.subject ?? "unknown"}${face.subject ? score : why}`;
}

function show(photo, result) {
  const faces = facesOf(photo);
  const view = made("div", { className: "view" }, photo.image);
  shape(photo);
  const list = made("ul");
  faces.forEach((face, place) => {
    const [x0, y0, x1, y1] = face.box;
    const title = titleOf(face, place + 1);
    const open = () => askWho(photo, place);
    const label = face.subject ? `${face.subject} ${face.score.toFixed(2)}` : "unknown";
    const box = made(
      "button",
      { type: "button", className: face.subject ? "known" : "unknown", title, attributes: { "aria-label": `${title}. Say who this is` }, on: { click: open } },
      made("span", { textContent: label }),
    );
    box.style.left = `${(100 * x0) / result.width}%`;
    box.style.top = `${(100 * y0) / result.height}%`;
    box.style.width = `${(100 * (x1 - x0)) / result.width}%`;
    box.style.height = `${(100 * (y1 - y0)) / result.height}%`;
    view.append(box);
    const name = made("span", { className: face.subject ? "known-name" : "unknown-name", textContent: title });
    list.append(made("li", {}, name));
  });
  const caption = made("figcaption", {}, made("strong", { textContent: photo.file.name }));
  if (photo.problem) caption.append(made("p", { className: "problem", textContent: photo.problem }));
  else if (result === null) caption.append(made("p", { className: "hint", textContent: "…" }));
  else if (!faces.length) caption.append(made("p", { className: "hint", textContent: "No face was found." }));
  for (const note of result?.notes ?? []) caption.append(made("p", { className: "hint", textContent: note }));
  caption.append(list);
  photo.figure.replaceChildren(view, caption);
}

// `after` is called once something was said of the face; without it, all photos are looked at again.
export async function askWho(photo, place, after = lookAgain) {
  const face = photo.result.faces[place];
  const dialog = byId("face");
  const input = byId("name");
  drawCrop(byId("crop"), photo, place);
  input.value = "";
  const candidates = (face.candidates ?? []).filter((candidate) => !candidate.denied);
  const likely = candidates.map((candidate) =>
    made("button", {
      type: "button",
      textContent: `${candidate.subject} (${candidate.score.toFixed(2)})`,
      on: { click: () => ((input.value = candidate.subject), input.focus()) },
    }),
  );
  byId("likely").replaceChildren(...likely);
  const back = () => photo.figure.querySelectorAll(".view button")[place]?.focus();
  const saidOf = async (act, words) => {
    await act();
    await after();
    say(words);
    return back;
  };
  // Of whoever it is taken for, or may be.
  const suspects = face.subject ? candidates.filter(({ subject }) => subject === face.subject) : candidates.filter(({ score }) => score > 0).slice(0, DENIABLE);
  const others = new Map(
    suspects.map(({ subject }) => [
      made("button", { type: "button", textContent: `Not ${subject}` }),
      () => saidOf(() => api.notSubject(subject, [face.seal]), `${subject} is not proposed for this face again`),
    ]),
  );
  byId("denials").replaceChildren(...others.keys());
  byId("nobody").hidden = Boolean(face.subject);
  const forget = async () => {
    await api.ignoreFaces([face.seal]);
    leaveOut([{ photo, place }]);
  };
  others.set(byId("nobody"), () => saidOf(forget, "This face is not asked about again"));
  const asked = new Set();
  const enroll = async () => {
    const name = input.value.trim();
    if (!name) throw new Error("Give a name.");
    const [outcome] = await api.enrolled((again) => api.enroll(photo.file, name, place + 1, again), name, asked);
    named([{ photo, place }], outcome.subject);
    await onEnrolled();
    await after();
    const more = [...outcome.problems, ...outcome.notes].join("; ");
    say(`${outcome.subject}: ${outcome.status}${more ? ` (${more})` : ""}`);
    return back;
  };
  ask(dialog, enroll, others);
}
