// draw.js PAGE: runs the script of a report's page on a document that knows as much as the script
// asks for, and prints the texts of what is to be seen: a line for a heading, a paragraph, a card, and
// each row of a table.
"use strict";
const page = require("fs").readFileSync(process.argv[2], "utf-8");

class Element {
  constructor(tag) {
    Object.assign(this, {tag, children: [], attributes: {}, hidden: false, listeners: {}, dataset: {}});
    this.style = {setProperty() {}};
    this.classList = {toggle() {}};
    this.clientWidth = this.clientHeight = this.offsetWidth = this.offsetHeight = 400;
  }
  addEventListener(name, listener) { this.listeners[name] = listener; }
  setAttribute(name, value) { this.attributes[name] = value; }
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  getBoundingClientRect() { return {left: 0, top: 0, width: 400, height: 400}; }
  set textContent(text) { this.children = [text]; }
  get textContent() { return this.children.map(child => child.textContent ?? String(child)).join(" "); }
}

// The page's own elements: a tree of tags, which page.py has checked.
const body = new Element("body"), byId = {}, open = [body], classed = {};
const html = page.slice(page.indexOf("<body>") + 6, page.lastIndexOf("<script>"));
for (const [, end, tag, attributes, text] of html.matchAll(/<(\/?)(\w+)([^>]*)>([^<]*)/g)) {
  if (end) open.pop();
  else {
    const element = new Element(tag);
    element.hidden = /\bhidden\b/.test(attributes);
    for (const [, name, value] of attributes.matchAll(/(\w+)="([^"]*)"/g)) {
      if (name === "id") byId[value] = element;
      if (name === "class") for (const each of value.split(" ")) (classed[each] ??= []).push(element);
    }
    open[open.length - 1].append(element);
    open.push(element);
  }
  if (text.trim()) open[open.length - 1].append(text.trim());
}

const document = {getElementById: id => byId[id], createElement: tag => new Element(tag), addEventListener() {}, title: "",
  createElementNS: (space, tag) => new Element(tag), querySelectorAll: what => classed[what.slice(1)] ?? []};
const script = page.slice(page.lastIndexOf("<script>") + 8, page.lastIndexOf("</script>"));
new Function("document", "addEventListener", "innerWidth", "innerHeight", script)(document, () => {}, 1200, 800);

function print(element) {
  if (element.hidden || element.tag === "script" || element.tag === "noscript") return;
  if (["h1", "h2", "p", "tr"].includes(element.tag) || element.attributes?.class === "card") console.log(element.textContent);
  else for (const child of element.children ?? []) print(child);
}
console.log("title: " + document.title);
print(body);
