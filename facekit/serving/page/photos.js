// Photos that were dropped, with a box and a name for each face; and the dialog that says who a face is.

import * as api from "./api.js";
import { ask, byId, made, say } from "./dom.js";

const photos = [];
const AT_ONCE = 2;

export function begin(onEnrolled) {
  const drop = byId("drop");
  byId("files").addEventListener("change", (event) => {
    add([...event.target.files], onEnrolled);
    event.target.value = "";
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
    });
  }
  document.addEventListener("drop", (event) => add([...event.dataTransfer.files], onEnrolled));
}

function add(files, onEnrolled) {
  const added = files.map((file) => {
    const figure = made("figure");
    const photo = { file, figure, url: URL.createObjectURL(file), onEnrolled };
    byId("results").prepend(figure);
    show(photo, null);
    photos.push(photo);
    return photo;
  });
  if (added.length) look(added);
}

// Look through photos, a few at a time.
async function look(some) {
  const waiting = [...some];
  let done = 0;
  const worker = async () => {
    for (let photo; (photo = waiting.shift()); ) {
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
}

export const lookAgain = () => (photos.length ? look(photos) : undefined);

const counted = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

// Why a face is unknown, where that is more than that nobody is like it.
const REASONS = {
  already_in_picture: "another face of this photo has the name",
  ambiguous: "two people are as likely",
  too_dark: "too dark to tell",
  too_poor: "only poor photos of the person are stored",
};

function titleOf(face, number) {
  const score = face.score === undefined || face.score === null ? "" : `, score ${face.score.toFixed(2)}`;
  const reason = REASONS[face.reason];
  const why = reason ? ` (${[reason, ...(face.contenders ?? [])].join(", ")})` : "";
  return `Face ${number}: ${face.subject ?? "unknown"}${face.subject ? score : why}`;
}

function show(photo, result) {
  const faces = photo.problem ? [] : (result?.faces ?? []);
  const image = made("img", { src: photo.url, alt: `Photo ${photo.file.name}` });
  // Formats that the browser cannot show: the boxes stand on an empty ground of the photo's shape.
  image.addEventListener("error", () => {
    image.alt = `${photo.file.name} (this browser cannot show it)`;
    if (result?.width) image.style.aspectRatio = `${result.width} / ${result.height}`;
  });
  const view = made("div", { className: "view" }, image);
  const list = made("ul");
  faces.forEach((face, place) => {
    const [x0, y0, x1, y1] = face.box;
    const title = titleOf(face, place + 1);
    const open = () => askWho(photo, place, image);
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

function drawCrop(image, face, result) {
  const canvas = byId("crop");
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!image.naturalWidth) return;
  const scale = image.naturalWidth / result.width;
  const [x0, y0, x1, y1] = face.box.map((value) => value * scale);
  const side = Math.max(x1 - x0, y1 - y0) * 1.3;
  context.drawImage(image, (x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
}

async function askWho(photo, place, image) {
  const face = photo.result.faces[place];
  const dialog = byId("face");
  const input = byId("name");
  drawCrop(image, face, photo.result);
  input.value = "";
  const likely = (face.candidates ?? []).map((candidate) =>
    made("button", {
      type: "button",
      textContent: `${candidate.subject} (${candidate.score.toFixed(2)})`,
      on: { click: () => ((input.value = candidate.subject), input.focus()) },
    }),
  );
  byId("likely").replaceChildren(...likely);
  ask(dialog, async () => {
    const name = input.value.trim();
    if (!name) throw new Error("Give a name.");
    const [outcome] = (await api.enroll(photo.file, name, place + 1)).results;
    await photo.onEnrolled();
    await lookAgain();
    const more = [...outcome.problems, ...outcome.notes].join("; ");
    say(`${outcome.subject}: ${outcome.status}${more ? ` (${more})` : ""}`);
    return () => photo.figure.querySelectorAll(".view button")[place]?.focus();
  });
}
