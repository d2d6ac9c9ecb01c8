// The words of scripts in the reader's language. Fields in braces are filled in from `values`.

const language = document.documentElement.lang || "en";
let catalog = {};
if (language !== "en") {
  try {
    catalog = await (await fetch(`/words/${language}.json`)).json();
  } catch {
    // Without the catalogue everything is said in English, which is still of use.
  }
}

export function say(text, values = {}) {
  const found = catalog[text] ?? text;
  return found.replace(/\{(\w+)\}/g, (field, name) => (name in values ? String(values[name]) : field));
}

export { language };
