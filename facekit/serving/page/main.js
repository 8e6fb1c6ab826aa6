import { byId, say } from "./dom.js";
import * as groups from "./groups.js";
import * as mistakes from "./mistakes.js";
import * as people from "./people.js";
import * as photos from "./photos.js";

// What a view does when it is shown.
const VIEWS = { photos: photos.refresh, groups: groups.show, people: () => {}, mistakes: mistakes.show };
async function show(name) {
  say("");
  for (const view of Object.keys(VIEWS)) {
    byId(view).hidden = view !== name;
    const button = byId(`show-${view}`);
    if (view === name) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  await VIEWS[name]();
}

async function load() {
  try {
    await people.load();
  } catch (problem) {
    say(problem.message);
  }
}

for (const view of Object.keys(VIEWS)) byId(`show-${view}`).addEventListener("click", () => show(view));
byId("show-unknown").addEventListener("click", async () => {
  await show("groups");
  byId("groups-title").focus();
});
photos.begin(load);
groups.begin(load);
const changed = async () => {
  await load();
  photos.outdate();
};
mistakes.begin(changed);
people.begin(changed);
load();
