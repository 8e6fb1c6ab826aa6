import { byId, say } from "./dom.js";
import * as people from "./people.js";
import * as photos from "./photos.js";

const VIEWS = ["photos", "people"];

function show(name) {
  for (const view of VIEWS) {
    byId(view).hidden = view !== name;
    const button = byId(`show-${view}`);
    if (view === name) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
}

async function load() {
  try {
    await people.load();
  } catch (problem) {
    say(problem.message);
  }
}

for (const view of VIEWS) byId(`show-${view}`).addEventListener("click", () => show(view));
photos.begin(load);
people.begin(async () => {
  await load();
  await photos.lookAgain();
});
load();
