// Draws a chart, which is a figure as data, into an element, and keeps what the reader has chosen.

const SPACE = "http://www.w3.org/2000/svg";

const mark = (name, attributes, parent, words) => {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  if (parent) parent.appendChild(made);
  return made;
};

const element = (name, attributes, parent, words) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  if (parent) parent.appendChild(made);
  return made;
};

// Returns the outline of a marker around a place.
const outline = (shape, x, y, r) => {
  const around = (corners, turn, radius) => {
    const place = (at) => {
      const angle = turn + (2 * Math.PI * at) / corners;
      const length = typeof radius === "function" ? radius(at) : radius;
      return `${(x + length * Math.sin(angle)).toFixed(1)},${(y - length * Math.cos(angle)).toFixed(1)}`;
    };
    return `M${Array.from({ length: corners }, (_, at) => place(at)).join("L")}Z`;
  };
  switch (shape) {
    case "square": return around(4, Math.PI / 4, r * 1.25);
    case "up": return around(3, 0, r * 1.3);
    case "diamond": return around(4, 0, r * 1.3);
    case "down": return around(3, Math.PI, r * 1.3);
    case "star": return around(10, 0, (at) => (at % 2 ? r * 0.55 : r * 1.4));
    case "cross": return `M${x - r},${y - r}L${x + r},${y + r}M${x - r},${y + r}L${x + r},${y - r}`;
    case "plus": return `M${x - r * 1.2},${y}H${x + r * 1.2}M${x},${y - r * 1.2}V${y + r * 1.2}`;
    default: return `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`;
  }
};

const marker = (line, x, y, r, colour, parent) => {
  const isStroke = line.shape === "cross" || line.shape === "plus";
  const fill = isStroke ? "none" : line.open ? "var(--paper)" : colour;
  mark("path", { d: outline(line.shape, x, y, r), fill, stroke: colour, "stroke-width": 1.5 }, parent);
};

// Returns the picture of a line for the legend.
const swatch = (line, colour) => {
  const drawn = mark("svg", { width: 34, height: 14, "aria-hidden": "true" });
  const width = line.bound ? 1.2 : 2;
  const dashes = line.bound ? "none" : line.dashes.map((of) => of * width).join(" ") || "none";
  mark("path", { d: "M1,8H33", stroke: colour, "stroke-width": width, "stroke-dasharray": dashes }, drawn);
  if (line.bound) mark("path", { d: "M6,8V3M17,8V3M28,8V3", stroke: colour, "stroke-width": 1.2 }, drawn);
  else marker(line, 17, 8, 3.6, colour, drawn);
  return drawn;
};

const more = (point) => point[2] || {};

// Returns all heights that a line shows.
const heights = (line) =>
  line.points.flatMap((point) => [point[1], ...(more(point).i || []), ...(more(point).r || [])]);

const MARGIN = { left: 52, right: 14, top: 12, bottom: 42 };

// Returns functions from values to the x and y of a panel's drawing, in pixels, and the ticks.
const axesOf = (chart, panel, shown, state, width, height) => {
  const [inner, tall] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
  const all = chart.panels.flatMap((of) => of.lines).filter(state.isShown);
  const ys = (chart.shared && all.length ? all : shown).flatMap(heights);
  const y = axisOf(ys.length ? ys : [0, 1], state.isLogY, tall, 5, true);
  let x;
  if (chart.x.names) {
    const step = inner / chart.x.names.length;
    x = { at: (value) => (value + 0.5) * step, ticks: chart.x.names.map((_, at) => at) };
  } else {
    const every = panel.lines.flatMap((line) => line.points.map((point) => point[0]));
    const values = [...every, ...chart.x.ticks, ...panel.bands.flatMap((of) => [of[0], of[1]])];
    x = axisOf(values, state.isLogX, inner - 16, 6, false);
    const plain = x.at;
    x.at = (value) => (plain(value) === undefined ? undefined : plain(value) + 8);
    if (chart.x.ticks.length) x.ticks = chart.x.ticks;
  }
  return {
    x: (value) => (x.at(value) === undefined ? undefined : MARGIN.left + x.at(value)),
    y: (value) => (y.at(value) === undefined ? undefined : height - MARGIN.bottom - y.at(value)),
    xTicks: x.ticks,
    yTicks: y.ticks,
  };
};

// Draws the frame of a panel: grid, ticks, names of the axes, bands and rules.
const frame = (chart, panel, axes, width, height, svg) => {
  const [left, right, low] = [MARGIN.left, width - MARGIN.right, height - MARGIN.bottom];
  for (const [from, to, name] of panel.bands) {
    const [a, b] = [axes.x(from), axes.x(to)];
    if (a === undefined || b === undefined) continue;
    mark("rect", { x: a, y: MARGIN.top, width: b - a, height: low - MARGIN.top, class: "band" }, svg);
    mark("text", { x: (a + b) / 2, y: MARGIN.top - 2, "text-anchor": "middle", class: "small" }, svg, name);
  }
  for (const tick of axes.yTicks) {
    const y = axes.y(tick);
    if (y === undefined || y < MARGIN.top - 1 || y > low + 1) continue;
    mark("path", { d: `M${left},${y}H${right}`, class: "grid" }, svg);
    mark("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, svg, short(tick));
  }
  let end = -Infinity;
  for (const tick of axes.xTicks) {
    const x = axes.x(tick);
    if (x === undefined) continue;
    const words = chart.x.names ? chart.x.names[tick] : short(tick);
    const half = words.length * 3.4;
    mark("path", { d: `M${x},${low}v4`, class: "axis" }, svg);
    if (x - half < end + 4) continue;
    end = x + half;
    mark("text", { x, y: low + 17, "text-anchor": "middle" }, svg, words);
  }
  for (const [at, name] of panel.rules) {
    const x = axes.x(at);
    if (x === undefined) continue;
    mark("path", { d: `M${x},${MARGIN.top}V${low}`, class: "rule" }, svg);
    mark("text", { x: x + 4, y: MARGIN.top + 10, class: "small" }, svg, name);
  }
  mark("path", { d: `M${left},${MARGIN.top}V${low}H${right}`, class: "axis" }, svg);
  mark("text", { x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, svg, chart.x.label);
};

// Returns the ticks of a declared bound, which stand on the side that it forbids.
const forbids = (places) => {
  let path = "";
  for (let at = 0; at + 1 < places.length; at += 1) {
    const [[x, y], [nextX, nextY]] = [places[at], places[at + 1]];
    const count = Math.max(1, Math.round((nextX - x) / 12));
    for (let part = 0; part < count; part += 1) {
      const of = part / count;
      path += `M${(x + (nextX - x) * of).toFixed(1)},${(y + (nextY - y) * of).toFixed(1)}v-5`;
    }
  }
  const last = places[places.length - 1];
  return last ? `${path}M${last[0].toFixed(1)},${last[1].toFixed(1)}v-5` : path;
};

// A line with more points has markers at some of them only.
const MARKED = 40;

// Returns which points of a line have a marker. Lines begin at different points, so that markers do not cover each
// other.
const stepOf = (count, nth) => {
  const step = count > MARKED ? Math.ceil(count / 10) : 1;
  return (at) => at % step === (nth * 3) % step;
};

// Draws a line; returns its points with their places.
const drawLine = (line, axes, colour, nth, svg) => {
  const group = mark("g", { class: line.bound ? "line bound" : "line", "data-line": line.name }, svg);
  const there = line.points
    .map((point) => ({ line, point, x: axes.x(point[0]), y: axes.y(point[1]) }))
    .filter((of) => of.x !== undefined && of.y !== undefined);
  const width = line.bound ? 1.2 : 2;
  const isMarked = stepOf(there.length, nth);
  const places = there.map((of) => [of.x, of.y]);
  if (line.bound && places.length === 1) {
    const [[x, y]] = places;
    places.splice(0, 1, [x - 12, y], [x + 12, y]);
  }
  if (line.joined && places.length > 1) {
    const d = `M${places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}`;
    const dashes = line.bound ? "none" : line.dashes.map((of) => of * width).join(" ") || "none";
    mark("path", { d, fill: "none", stroke: colour, "stroke-width": width, "stroke-dasharray": dashes }, group);
  }
  if (line.bound) {
    mark("path", { d: forbids(places), stroke: colour, "stroke-width": 1.2 }, group);
    return there;
  }
  there.forEach(({ point, x, y }, at) => {
    const { i: ends, r: repeats, d: isDoubtful, b: isBroken } = more(point);
    for (const value of repeats || []) {
      const height = axes.y(value);
      if (height !== undefined) mark("circle", { cx: x, cy: height, r: 1.8, fill: colour, opacity: 0.45 }, group);
    }
    if (ends) {
      const [a, b] = ends.map(axes.y);
      if (a !== undefined && b !== undefined) {
        mark("path", { d: `M${x - 4},${a}h8M${x - 4},${b}h8M${x},${a}V${b}`, stroke: colour }, group);
      }
    }
    if (isMarked(at)) marker(line, x, y, 3.6, colour, group);
    if (isDoubtful) mark("circle", { cx: x, cy: y, r: 8, class: "ring", stroke: colour }, group);
    if (isBroken) mark("circle", { cx: x, cy: y, r: 10, class: "above" }, group);
    const { n: name } = more(point);
    if (name && there.length <= 12) {
      const isAtEnd = x + 8 + 7 * name.length > svg.viewBox.baseVal.width;
      const place = isAtEnd ? { x: x - 8, "text-anchor": "end" } : { x: x + 8 };
      mark("text", { ...place, y: y - 6, class: "small" }, group, name);
    }
  });
  return there;
};

// Draws a panel; returns the points that can be pointed at.
const drawPanel = (chart, panel, state, width, height, svg) => {
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const shown = panel.lines.filter(state.isShown);
  const axes = axesOf(chart, panel, shown, state, width, height);
  frame(chart, panel, axes, width, height, svg);
  // The first line is on top.
  const points = [];
  for (const line of [...shown].reverse()) {
    points.push(...drawLine(line, axes, state.colour(line), panel.lines.indexOf(line), svg));
  }
  return points;
};
