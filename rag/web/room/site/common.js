// What the phone and the wall share. Whatever came from somebody is put in as text, never as markup.
export const code = location.pathname.split("/").filter(Boolean).slice(-1)[0] === "wall"
  ? location.pathname.split("/").filter(Boolean).slice(-2)[0]
  : location.pathname.split("/").filter(Boolean).slice(-1)[0];
const base = location.pathname.slice(0, location.pathname.indexOf("/r/") + 3);
const options = new URLSearchParams(location.search);
const theme = options.get("theme");
if (options.has("small")) document.documentElement.classList.add("small");
if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;

export const at = (path) => `${base}${code}/${path}`;

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Letters that can be read on a colour, by its luminance as WCAG 2 has it.
export function ink(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => ((parseInt(colour.slice(at, at + 2), 16) / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#14131c" : "#ffffff";
}

export class Refused extends Error {
  constructor(status, detail) { super(detail); this.status = status; }
}

export async function call(path, body, token) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const options = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(at(path), { ...options, cache: "no-store" });
  if (answer.status === 204) return null;
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, value.detail || "The server did not answer as expected.");
  return value;
}
