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

export function say(text) {
  byId("status").textContent = text;
}

// Opens a dialog; `act` is called when it is sent, and what it throws is shown in it. Closed without that, nothing
// happens. The focus goes back to where it was.
export function ask(dialog, act) {
  const form = dialog.querySelector("form");
  const problem = dialog.querySelector(".problem");
  const buttons = [...dialog.querySelectorAll("button")];
  const before = document.activeElement;
  const ended = new AbortController();
  problem.textContent = "";
  form.addEventListener(
    "submit",
    async (event) => {
      event.preventDefault();
      problem.textContent = "";
      buttons.forEach((button) => (button.disabled = true));
      try {
        await act();
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
      } finally {
        buttons.forEach((button) => (button.disabled = false));
      }
    },
    { signal: ended.signal },
  );
  dialog.querySelector(".cancel").addEventListener("click", () => dialog.close(), { signal: ended.signal });
  dialog.addEventListener(
    "close",
    () => {
      ended.abort();
      if (before?.isConnected) before.focus();
    },
    { once: true },
  );
  dialog.showModal();
}
