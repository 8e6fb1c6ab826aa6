// What the page asks of the server. A key, where one is needed, lives as long as the page.

let key = null;

export class Problem extends Error {
  constructor(status, values) {
    super(values.detail || `the server answered ${status}`);
    this.status = status;
    this.results = values.results || [];
  }
}

async function asked(path, options = {}) {
  for (;;) {
    const headers = { ...options.headers };
    if (key) headers.Authorization = `Bearer ${key}`;
    let answer;
    try {
      answer = await fetch(path, { ...options, headers });
    } catch {
      throw new Problem(0, { detail: "the server does not answer" });
    }
    if (answer.status === 401) {
      key = await enteredKey();
      continue;
    }
    if (answer.status === 503 && answer.headers.has("Retry-After") && !options.last) {
      await new Promise((done) => setTimeout(done, 1000 * Number(answer.headers.get("Retry-After"))));
      options = { ...options, last: true };
      continue;
    }
    const values = await answer.json();
    if (!answer.ok) throw new Problem(answer.status, values);
    return values;
  }
}

let entering = null;

function enteredKey() {
  entering ??= new Promise((done) => {
    const dialog = document.getElementById("key");
    const input = document.getElementById("key-value");
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.getElementById("key-form").addEventListener(
      "submit",
      () => {
        entering = null;
        done(input.value.trim());
        input.value = "";
      },
      { once: true },
    );
    dialog.showModal();
  });
  return entering;
}

function change(path, body) {
  return asked(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

function form(file, fields = {}) {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.append(name, value);
  made.append("pictures", file, file.name);
  return { method: "POST", body: made };
}

// The faces of a photo with their candidates; where nobody is enrolled yet, the faces alone. Each has its seal, by which
// it is grouped and enrolled without the photo.
export async function identify(file) {
  const words = `seal=true${SHOWN.test(file.type) ? "" : "&crops=true"}`;
  let answer;
  try {
    answer = await asked(`/v1/identify?${words}`, form(file));
  } catch (problem) {
    if (problem.status !== 409) throw problem;
    answer = await asked(`/v1/detect?${words}`, form(file));
  }
  const [result] = answer.results;
  result.faces.forEach((face, place) => {
    face.seal = answer.seals[0][place];
    if (answer.crops) face.crop = pictureOf(answer.crops[0][place]);
  });
  return result;
}

// What every browser shows. Of other photos the server cuts the faces out.
const SHOWN = /^image\/(jpeg|png|gif|webp|bmp)$/;

export const cluster = (faces) => change("/v1/cluster", { faces });
export const enrollFaces = (subject, faces, again) => change("/v1/templates/faces", { subject, faces, again });
export const enroll = (file, subject, face, again) => asked("/v1/templates", form(file, { subject, face, again }));
export const people = async () => (await asked("/v1/subjects")).results;
export const templates = async (subject) => (await change("/v1/templates/list", { subject })).results;
export const notSubject = (subject, faces) => change("/v1/facts/not-subject", { subject, faces });
export const ignoreFaces = (faces) => change("/v1/facts/ignored", { faces });
export const mistakes = () => change("/v1/gallery/check", {});
export const notSame = (subjects) => change("/v1/facts/not-same", { subjects });
export const photosAreNot = (subject, holder, photos) => change("/v1/facts/not-subject", { subject, holder, photos });
export const photosAreRight = (holder, photos) => change("/v1/facts/ignored", { holder, photos });
export const movePhotos = (holder, to, photos) => change("/v1/templates/move", { holder, to, photos });
export const facts = async () => (await asked("/v1/facts")).results;
export const takeBack = (facts) => change("/v1/facts/take-back", { facts });

// Enrolls by `act(again)`. What was removed earlier, or said not to be the person's, is taken only when it is asked for a
// second time: `asked` remembers for whom it was refused.
export async function enrolled(act, subject, asked) {
  const again = asked.delete(subject);
  try {
    const { results } = await act(again);
    if (!results.every(({ status }) => status === "removed earlier")) return results;
  } catch (problem) {
    if (!problem.message.includes("--again")) throw problem;
  }
  asked.add(subject);
  throw new Error(`This was removed from ${subject} earlier, or said not to be ${subject}. To enroll it all the same, press once more.`);
}

// Pictures of a person's faces by the SHA-256 of their photos, where the server keeps any.
export async function thumbnails(subject) {
  try {
    const { results } = await change("/v1/templates/thumbnails", { subject });
    return new Map(results.map(({ sha256, jpeg }) => [sha256, pictureOf(jpeg)]));
  } catch (problem) {
    if (problem.status === 404) return new Map();
    throw problem;
  }
}

const pictureOf = (base64) => new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type: "image/jpeg" });

export const rename = (subject, name) => change("/v1/subjects/rename", { subject, name });
export const merge = (into, others) => change("/v1/subjects/merge", { into, others });
export const remove = (subjects) => change("/v1/subjects/remove", { subjects });
export const removePhotos = (subject, photos) => change("/v1/templates/remove", { subject, photos });
