// Small pieces of the page. Text is always set as text: a name is data.

export const byId = (id) => document.getElementById(id);

export function made(tag, values = {}, ...children) {
  const element = document.createElement(tag);
  const { on = {}, attributes = {}, ...properties } = values;
  Object.assign(element, properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  element.append(...children);
  return element;
}

export const counted = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

export function say(text) {
  byId("status").textContent = text;
}

// Opens a dialog; `act` is called when it is sent, and what it throws is shown in it. Closed without that, nothing
// happens. The focus goes back to where it was, or where the function leads that `act` gives. `others` are buttons of the
// dialog with what they do instead.
export function ask(dialog, act, others = new Map()) {
  const problem = dialog.querySelector(".problem");
  const buttons = [...dialog.querySelectorAll("button")];
  const before = document.activeElement;
  const ended = new AbortController();
  const { signal } = ended;
  // All at once, not with the event "close": that comes later, when the dialog may ask the next thing already.
  const end = () => {
    ended.abort();
    buttons.forEach((button) => (button.disabled = false));
    dialog.close();
    if (before?.isConnected) before.focus();
  };
  const doing = (what) => async (event) => {
    event.preventDefault();
    problem.textContent = "";
    buttons.forEach((button) => (button.disabled = true));
    try {
      const focus = await what();
      if (signal.aborted) return;
      end();
      focus?.();
    } catch (error) {
      if (signal.aborted) return say(error.message);
      problem.textContent = error.message;
      buttons.forEach((button) => (button.disabled = false));
    }
  };
  problem.textContent = "";
  dialog.querySelector("form").addEventListener("submit", doing(act), { signal });
  for (const [button, what] of others) button.addEventListener("click", doing(what), { signal });
  dialog.querySelector(".cancel").addEventListener("click", end, { signal });
  dialog.addEventListener("cancel", (event) => (event.preventDefault(), end()), { signal });
  dialog.showModal();
}
