/**
 * The search of the site. Its index is loaded when somebody begins to search, as a script, which a
 * page may also load that was opened as a file.
 * @module
 */
const doc = globalThis.document;
const field = doc.querySelector("#search");
const found = doc.querySelector("#found");
const up = doc.body.dataset.up;
const MOST = 12;
let sections;

globalThis.searchIndex = (all) => {
  sections = all.map(([path, id, page, part, text]) => {
    const title = part === page ? page : `${page}: ${part}`;
    return { path, id, title, text, words: `${title} ${text}`.toLowerCase() };
  });
  show();
};

field.addEventListener("focus", () => {
  const script = doc.createElement("script");
  script.src = `${up}search.js`;
  doc.head.append(script);
}, { once: true });
field.addEventListener("input", show);

function show() {
  const words = field.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  found.hidden = words.length === 0 || sections === undefined;
  if (found.hidden) return;
  const weight = ({ title, words: all }) =>
    words.reduce((sum, word) => {
      if (title.toLowerCase().includes(word)) return sum + 100;
      return sum + Math.min(all.split(word).length - 1, 20);
    }, 0);
  const hits = sections.filter(({ words: all }) => words.every((word) => all.includes(word)))
    .map((section) => ({ section, weight: weight(section) }))
    .sort((one, other) => other.weight - one.weight).slice(0, MOST);
  found.replaceChildren(...hits.map(({ section }) => entry(section, words[0])));
  if (hits.length === 0) found.append(element("li", "Nothing is found"));
}

function entry({ path, id, title, text }, word) {
  const link = element("a", title);
  link.href = `${up}${path}${id === "" ? "" : `#${id}`}`;
  // Whole words, from a few before the first one that was found.
  const at = text.lastIndexOf(" ", text.toLowerCase().indexOf(word) - 30) + 1;
  const part = text.slice(at, at + 120).replace(/\s\S*$/, "");
  const line = element("li");
  line.append(link, element("p", `${at > 1 ? "... " : ""}${part.trim()}`));
  return line;
}

function element(name, text = "") {
  const made = doc.createElement(name);
  made.textContent = text;
  return made;
}

// "/" begins a search, Escape ends one, and arrows go through what was found.
doc.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input");
  if (event.key === "/" && !isTyping) field.focus();
  else if (event.key === "Escape") found.hidden = true;
  else if (!found.hidden && /^Arrow(?:Up|Down)$/.test(event.key)) {
    const links = [field, ...found.querySelectorAll("a")];
    const next = links.indexOf(doc.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    links[next]?.focus();
  } else return;
  event.preventDefault();
});
doc.addEventListener("click", (event) => {
  if (!event.target.closest("search")) found.hidden = true;
  else if (event.target === field) show();
  // A part of this very page is gone to without loading it.
  if (event.target.closest("#found a")) found.hidden = true;
});
