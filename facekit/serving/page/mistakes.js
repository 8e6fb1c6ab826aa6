// Mistakes that the gallery may have, each to be put right or refused; and all that was said, to be taken back.

import * as api from "./api.js";
import { byId, counted, made, say } from "./dom.js";
import { change } from "./people.js";

let onChange = async () => {};

export function begin(changed) {
  onChange = changed;
}

export async function show() {
  byId("mistakes-hint").textContent = "Comparing all that is stored…";
  try {
    const [{ results, sentences }, facts] = await Promise.all([api.mistakes(), api.facts()]);
    byId("mistakes-list").replaceChildren(...results.map((result, place) => doubt(result, sentences[place])));
    byId("facts-list").replaceChildren(...facts.map(said));
    tell();
  } catch (problem) {
    byId("mistakes-hint").textContent = problem.message;
  }
}

function tell() {
  const mistakes = byId("mistakes-list").children.length;
  byId("mistakes-hint").textContent = mistakes
    ? `${counted(mistakes, "thing")} to look at. What you refuse is not proposed again.`
    : "Nothing looks like a mistake.";
  byId("facts-hint").textContent = byId("facts-list").children.length ? "" : "Nothing yet.";
}

// What can be done about each kind of mistake: put it right, and refuse it, where there is something to be said.
function choices({ kind, subject, other, photo, photos }) {
  const those = photo === null ? photos : [photo];
  const remove = { text: "Remove what is stored", act: () => api.removePhotos(subject, those) };
  const right = `It is ${subject}`;
  switch (kind) {
    case "duplicate": {
      const merge = { text: `Merge ${other} into ${subject}`, act: () => api.merge(subject, [other]) };
      return [merge, { text: "They are two people", refusal: () => api.notSame([subject, other]) }];
    }
    case "mislabeled": {
      const move = { text: `It is ${other}`, act: () => api.movePhotos(subject, other, those) };
      return [move, { text: right, refusal: () => api.photosAreNot(other, subject, those) }];
    }
    case "several_people":
    case "stray":
      return [remove, { text: right, refusal: () => api.photosAreRight(subject, those) }];
    case "magnet":
      return [remove];
    default:
      return [];
  }
}

function doubt(result, sentence) {
  const problem = made("p", { className: "problem", attributes: { role: "alert" } });
  const buttons = choices(result).map(({ text, act, refusal }) => {
    const click = act ? () => change({ title: text, text: `${sentence}. It cannot be taken back.`, label: null, button: text, act, after }) : () => refuse(text, refusal);
    return made("button", { type: "button", textContent: text, attributes: { "aria-label": `${text}: ${sentence}` }, on: { click } });
  });
  const after = async () => {
    await show();
    byId("mistakes-title").focus();
  };
  const refuse = async (text, refusal) => {
    problem.textContent = "";
    buttons.forEach((button) => (button.disabled = true));
    try {
      await refusal();
      await onChange();
      await after();
      say(`${text}: noted`);
    } catch (error) {
      problem.textContent = error.message;
      buttons.forEach((button) => (button.disabled = false));
    }
  };
  return made("li", {}, made("p", { className: "doubt", textContent: sentence }), made("p", { className: "buttons" }, ...buttons), problem);
}

function wordsOf({ kind, subject, other, source }) {
  if (kind === "not_same") return `${subject} and ${other} are two people`;
  return kind === "ignored" ? `The face in ${source} is not asked about` : `The face in ${source} is not ${subject}`;
}

function said(fact) {
  const words = wordsOf(fact);
  const back = async () => {
    try {
      await api.takeBack([fact.fact]);
      await onChange();
      await show();
      say(`Taken back: ${words}`);
      byId("facts-title").focus();
    } catch (error) {
      say(error.message);
    }
  };
  const label = { "aria-label": `Take back: ${words}` };
  const button = made("button", { type: "button", textContent: "Take back", attributes: label, on: { click: back } });
  return made("li", { className: "person" }, made("span", { className: "who", textContent: words }), button);
}
