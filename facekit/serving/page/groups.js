// Unknown faces of the photos, those of one person together: a whole group gets its name in one go.

import * as api from "./api.js";
import { cropOf } from "./crop.js";
import { byId, counted, made, say } from "./dom.js";
import { askWho, leaveOut, named, unknownFaces } from "./photos.js";

const LIKELY = 3;
let onNamed = async () => {};
let shown = [];

export function begin(afterwards) {
  onNamed = afterwards;
}

// Group the faces that are unknown now, unless all of them were there before.
export async function show() {
  const faces = unknownFaces();
  const before = new Set(shown);
  if (faces.length && faces.every((face) => before.has(face.seal))) return;
  shown = faces.map((face) => face.seal);
  const mine = shown;
  byId("groups-list").replaceChildren();
  if (!faces.length) return tell();
  byId("groups-hint").textContent = "Comparing the faces…";
  try {
    const { results, places } = await api.cluster(shown);
    if (shown !== mine) return;
    const members = places.map((rows) => rows.map((row) => faces[row]));
    const cards = results.map((group, place) => (group.group === null ? single(members[place]) : card(group, members[place])));
    byId("groups-list").replaceChildren(...cards.filter(Boolean));
    tell();
  } catch (problem) {
    shown = [];
    byId("groups-hint").textContent = problem.message;
  }
}

function tell() {
  const groups = document.querySelectorAll("#groups-list .group").length;
  const faces = document.querySelectorAll("#groups-list canvas").length;
  const alike = groups ? `, ${counted(groups, "group")} of faces that are alike` : "";
  byId("groups-hint").textContent = faces
    ? `${counted(faces, "unknown face")}${alike}. Ask people before you store their faces.`
    : "No face is waiting for a name. Unknown faces of the photos that you choose come together here.";
}

const nameOf = ({ photo, place }) => `Face ${place + 1} of ${photo.file.name}`;

function card(group, faces) {
  const title = `Group ${group.group}: ${counted(faces.length, "face")}`;
  const id = `group-${group.group}`;
  const picks = faces.map((face) => {
    const box = made("input", { type: "checkbox", checked: true });
    return { face, box, label: made("label", { className: "pick" }, box, cropOf(face.photo, face.place, nameOf(face))) };
  });
  const input = made("input", { id: `${id}-name`, required: true, maxLength: 300, autocomplete: "off", attributes: { list: "names" } });
  const problem = made("p", { className: "problem", attributes: { role: "alert" } });
  const asked = new Set();
  const leave = () => {
    leaveOut(picks.map((pick) => pick.face));
    gone(section, `${title} is left out`);
  };
  const doing = (act) => async (event) => {
    event.preventDefault();
    const chosen = picks.filter((pick) => pick.box.checked).map((pick) => pick.face);
    problem.textContent = "";
    buttons.forEach((button) => (button.disabled = true));
    try {
      if (!chosen.length) throw new Error("No face has a tick.");
      await act(chosen);
    } catch (error) {
      problem.textContent = error.message;
    }
    buttons.forEach((button) => (button.disabled = false));
  };
  const ignore = doing(async (chosen) => {
    await api.ignoreFaces(chosen.map((face) => face.seal));
    leaveOut(picks.map((pick) => pick.face));
    gone(section, `${title} is not asked about again`);
  });
  const buttons = [
    made("button", { type: "submit", className: "main", textContent: "These are one person" }),
    made("button", { type: "button", textContent: "Leave out", attributes: { "aria-label": `Leave out group ${group.group}` }, on: { click: leave } }),
    made("button", { type: "button", textContent: "Do not ask again", attributes: { "aria-label": `Do not ask again about group ${group.group}` }, on: { click: ignore } }),
  ];
  const section = made(
    "section",
    { className: "group", attributes: { "aria-labelledby": id } },
    made("h3", { id, textContent: title }),
    made("p", { className: "hint", textContent: "Take the tick from faces of somebody else." }),
    made("div", { className: "picks" }, ...picks.map((pick) => pick.label)),
    made("div", { className: "likely", attributes: { role: "group", "aria-label": `People whom group ${group.group} is like` } }, ...likely(faces, input)),
    made(
      "form",
      { on: { submit: doing((chosen) => name(section, title, input.value.trim(), chosen, picks, asked)) } },
      made("p", {}, made("label", { htmlFor: input.id, textContent: "Name" }), input),
      problem,
      made("p", { className: "buttons" }, ...buttons),
    ),
  );
  return section;
}

// Enroll the chosen faces; those that were refused, and those without a tick, stay where they are.
async function name(section, title, subject, chosen, picks, asked) {
  const seals = chosen.map((face) => face.seal);
  const outcomes = await api.enrolled((again) => api.enrollFaces(subject, seals, again), subject, asked);
  const isTaken = ({ status }) => !["refused", "removed earlier"].includes(status);
  const refused = outcomes.filter((outcome) => !isTaken(outcome));
  const taken = new Set(chosen.filter((face, place) => isTaken(outcomes[place])));
  named([...taken], outcomes[0].subject);
  await onNamed();
  picks.filter((pick) => taken.has(pick.face)).forEach((pick) => pick.label.remove());
  picks.splice(0, picks.length, ...picks.filter((pick) => !taken.has(pick.face)));
  const why = [...new Set(refused.flatMap(({ problems, status }) => (problems.length ? problems : [status])))];
  const words = [`${outcomes[0].subject}: ${counted(taken.size, "face")} enrolled`];
  if (refused.length) words.push(`${counted(refused.length, "face")} refused`, ...why);
  if (!picks.length) return gone(section, words.join("; "));
  section.querySelector("h3").textContent = `${title.split(":")[0]}: ${counted(picks.length, "face")} left`;
  section.querySelector("input[list]").value = "";
  tell();
  say(words.join("; "));
}

function gone(section, words) {
  const next = section.nextElementSibling?.querySelector("input, button");
  section.remove();
  tell();
  say(words);
  (next ?? byId("groups-title")).focus();
}

// Those of the gallery whom one of the faces is most like.
function likely(faces, input) {
  const best = new Map();
  for (const { face } of faces) {
    for (const { subject, score } of (face.candidates ?? []).filter((candidate) => !candidate.denied)) best.set(subject, Math.max(best.get(subject) ?? -1, score));
  }
  const ranked = [...best].filter(([, score]) => score > 0).sort((one, other) => other[1] - one[1]).slice(0, LIKELY);
  const take = (subject) => ((input.value = subject), input.focus());
  return ranked.map(([subject, score]) =>
    made("button", { type: "button", textContent: `${subject} (${score.toFixed(2)})`, on: { click: () => take(subject) } }),
  );
}

function single(faces) {
  if (!faces.length) return null;
  const buttons = faces.map((face) => {
    const ask = () => askWho(face.photo, face.place, () => (button.remove(), tell()));
    const label = `${nameOf(face)}. Say who this is`;
    const button = made(
      "button",
      { type: "button", className: "pick", attributes: { "aria-label": label }, on: { click: ask } },
      cropOf(face.photo, face.place, nameOf(face)),
    );
    return button;
  });
  return made(
    "section",
    { className: "single", attributes: { "aria-labelledby": "single-title" } },
    made("h3", { id: "single-title", textContent: `Like no other: ${counted(faces.length, "face")}` }),
    made("div", { className: "picks" }, ...buttons),
  );
}
