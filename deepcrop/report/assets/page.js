// What every part of the page uses: the job's facts, and how elements are made.
const job = JSON.parse(document.getElementById("facts-of-job").textContent);
const find = (selector, root = document) => root.querySelector(selector);
const label = (aspect) => (aspect.endsWith("px") ? aspect : aspect.replace("x", ":"));
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const whole = (count) => count.toLocaleString("en");

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function bytes(count) {
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (count < 1000) return `${Number(count.toPrecision(3))} ${unit}`;
    count /= 1000;
  }
  return `${count.toPrecision(3)} TB`;
}
