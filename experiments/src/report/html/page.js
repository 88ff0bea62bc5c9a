// The reader hides lines, changes scales, points at values, and chooses light or dark.

const hint = document.getElementById("hint");
const root = document.documentElement;
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);
const redraws = [];

// Says what a point is, a line for each thing.
const told = (chart, { line, point }) => {
  const [x, y] = point;
  const { i: ends, r: repeats, d: isDoubtful, n: name, b: isBroken } = more(point);
  const words = chart.x.names ? chart.x.names[x] : digits(x);
  const lines = [line.name, `${chart.x.label}: ${words}`, `${chart.y.label}: ${digits(y)}`];
  if (name) lines.push(`at ${name}`);
  if (ends) lines.push(`95 %: ${digits(ends[0])} to ${digits(ends[1])}`);
  else if (repeats) lines.push(`range: ${digits(Math.min(...repeats))} to ${digits(Math.max(...repeats))}`);
  if (repeats) lines.push(`${repeats.length} repeats`);
  else if (!line.bound) lines.push("no interval");
  if (isBroken) lines.push("ABOVE THE DECLARED BOUND");
  if (isDoubtful) lines.push("disturbed by other programs");
  return lines;
};

const hide = () => {
  hint.hidden = true;
};

const show = (lines, x, y) => {
  hint.replaceChildren();
  lines.forEach((words, at) => element(at === 0 ? "strong" : "span", {}, hint, words));
  hint.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = hint;
  const left = Math.min(Math.max(4, x + 12), root.clientWidth - width - 4);
  const top = y + 14 + height > root.clientHeight ? y - height - 10 : y + 14;
  hint.style.left = `${Math.max(4, left)}px`;
  hint.style.top = `${Math.max(4, top)}px`;
};

// Lets the reader point at the values of a panel, or walk over them with arrow keys.
const point = (chart, svg, pointsOf) => {
  let at = -1;
  const choose = (of) => {
    svg.querySelectorAll(".chosen").forEach((old) => old.remove());
    mark("circle", { cx: of.x, cy: of.y, r: 7, class: "chosen" }, svg);
    const box = svg.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    show(told(chart, of), box.left + of.x * scale, box.top + of.y * scale);
  };
  const leave = () => {
    svg.querySelectorAll(".chosen").forEach((old) => old.remove());
    hide();
  };
  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    let best;
    for (const of of pointsOf()) {
      const far = (of.x - x) ** 2 + (of.y - y) ** 2;
      if (!best || far < best.far) best = { of, far };
    }
    if (best && best.far < 40 ** 2) choose(best.of);
    else leave();
  };
  svg.addEventListener("pointermove", nearest);
  svg.addEventListener("pointerdown", nearest);
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("blur", leave);
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const points = pointsOf();
    if (event.key === "Escape") leave();
    if (!step || !points.length) return;
    event.preventDefault();
    at = (at + step + points.length) % points.length;
    choose(points[at]);
  });
};

// Adds two buttons, linear and log, of which one is pressed.
const choice = (parent, name, isSecond, change) => {
  const group = element("span", { class: "choice", role: "group", "aria-label": `${name} axis` }, parent);
  element("span", {}, group, name);
  const buttons = ["linear", "log"].map((words) => element("button", { type: "button" }, group, words));
  const press = (second) => {
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String((at === 1) === second)));
  };
  buttons.forEach((button, at) => button.addEventListener("click", () => {
    press(at === 1);
    change(at === 1);
  }));
  press(isSecond);
};

const legend = (chart, state, parent, redraw) => {
  const box = element("div", { class: "legend", role: "group", "aria-label": "lines; press to hide or show" }, parent);
  const lines = new Map();
  for (const line of chart.panels.flatMap((panel) => panel.lines)) {
    if (!lines.has(line.name)) lines.set(line.name, line);
  }
  const buttons = [];
  const press = () => {
    for (const [button, name] of buttons) button.setAttribute("aria-pressed", String(!state.hidden.has(name)));
    all.hidden = state.hidden.size === 0;
    redraw();
  };
  const all = element("button", { type: "button", class: "all", hidden: "" }, undefined, "show all");
  for (const [name, line] of lines) {
    const button = element("button", { type: "button", "aria-pressed": "true", "data-name": name }, box);
    button.appendChild(swatch(line, state.colour(line)));
    element("span", {}, button, name);
    button.addEventListener("click", () => {
      if (!state.hidden.delete(name)) state.hidden.add(name);
      press();
    });
    buttons.push([button, name]);
    redraws.push(() => button.firstChild.replaceWith(swatch(line, state.colour(line))));
  }
  box.appendChild(all);
  all.addEventListener("click", () => {
    state.hidden.clear();
    press();
  });
};

const build = (chart, place) => {
  const state = { hidden: new Set(), isLogY: chart.y.log, isLogX: chart.x.log };
  state.isShown = (line) => !state.hidden.has(line.name);
  state.colour = (line) => seen(line.colour, isDark());
  const made = element("div", { class: "made" });
  const panels = chart.panels.map(() => ({ points: [] }));
  const redraw = () => {
    hide();
    panels.forEach((panel, at) => {
      const width = Math.max(240, Math.round(panel.svg.clientWidth || 320));
      const height = Math.round(Math.min(380, Math.max(230, width * 0.62)));
      panel.points = drawPanel(chart, chart.panels[at], state, width, height, panel.svg);
    });
  };
  const controls = element("div", { class: "controls" }, made);
  choice(controls, "y", state.isLogY, (isLog) => {
    state.isLogY = isLog;
    redraw();
  });
  if (!chart.x.names) {
    choice(controls, "x", state.isLogX, (isLog) => {
      state.isLogX = isLog;
      redraw();
    });
  }
  legend(chart, state, made, redraw);
  const grid = element("div", { class: `panels of-${Math.min(chart.panels.length, 3)}` }, made);
  chart.panels.forEach((of, at) => {
    const box = element("div", { class: "panel" }, grid);
    if (of.title) element("p", { class: "title" }, box, of.title);
    element("p", { class: "label" }, box, chart.y.label);
    const names = of.lines.map((line) => line.name).join(", ");
    const words = `${chart.title}${of.title ? `, ${of.title}` : ""}. Lines: ${names}. Arrow keys walk over the points.`;
    panels[at].svg = mark("svg", { role: "img", "aria-label": words, tabindex: "0" }, box);
    point(chart, panels[at].svg, () => panels[at].points);
  });
  place.replaceChildren(made);
  redraw();
  redraws.push(redraw);
};

const redrawAll = () => redraws.forEach((redraw) => redraw());

const theme = document.getElementById("theme");
const label = () => {
  theme.textContent = isDark() ? "light" : "dark";
  theme.setAttribute("aria-label", `show the page ${theme.textContent}`);
};
theme.hidden = false;
theme.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  label();
  redrawAll();
});
prefersDark.addEventListener("change", () => {
  label();
  redrawAll();
});
label();

const charts = JSON.parse(document.getElementById("charts").textContent);
for (const place of document.querySelectorAll("[data-chart]")) {
  const still = [...place.childNodes];
  try {
    build(charts[Number(place.dataset.chart)], place);
  } catch (error) {
    // The still figure is better than none.
    place.replaceChildren(...still);
    console.error(error);
  }
}
let width = root.clientWidth;
window.addEventListener("resize", () => {
  if (width !== root.clientWidth) redrawAll();
  width = root.clientWidth;
});
window.addEventListener("scroll", hide, { passive: true });
