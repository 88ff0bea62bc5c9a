// Numbers as texts, and values as places on an axis.

const digits = (value) => {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(2);
  const places = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
  return Number(value.toFixed(places)).toLocaleString("en", { maximumFractionDigits: 6 });
};

// Returns a number as ticks have it: 5k, 20M.
const short = (value) => {
  const size = Math.abs(value);
  for (const [unit, name] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= unit * 0.9999) return `${Number((value / unit).toPrecision(4))}${name}`;
  }
  return String(Number(value.toPrecision(6)));
};

const roundTicks = (low, high, wanted) => {
  const raw = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((of) => of * power).find((of) => of >= raw * 0.999);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) ticks.push(at * step);
  return ticks;
};

const logTicks = (low, high, wanted) => {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const ticks = [];
  const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(2, wanted)));
  for (let power = first; power <= last; power += every) ticks.push(10 ** power);
  if (ticks.length >= 3) return ticks;
  // There are fewer than three powers of ten, so 2 and 5 help, or round values.
  const more = [];
  for (let power = first - 1; power <= last; power += 1) {
    for (const of of [1, 2, 5]) more.push(of * 10 ** power);
  }
  const inside = more.filter((at) => at >= low * 0.999 && at <= high * 1.001);
  return inside.length >= 2 ? inside : roundTicks(low, high, 3);
};

// The gap below a logarithmic axis, in pixels, where zeros stand.
const ZERO_GAP = 22;

// Returns an axis over a length in pixels: its ticks, and `at(value)`, a distance from its begin or nothing.
const axisOf = (values, isLog, length, wanted, fromZero) => {
  const finite = values.filter(Number.isFinite);
  if (!isLog) {
    let low = Math.min(...finite);
    let high = Math.max(...finite);
    if (fromZero && low > 0) low = 0;
    if (!(high > low)) [low, high] = fromZero && high > 0 ? [0, high * 1.1] : [low - 1, low + 1];
    if (fromZero) high += (high - low) * 0.05;
    const at = (value) => ((value - low) / (high - low)) * length;
    return { at, ticks: roundTicks(low, high, wanted), isLog };
  }
  const positive = finite.filter((value) => value > 0);
  const hasZero = finite.some((value) => value <= 0);
  let [low, high] = positive.length ? [Math.min(...positive), Math.max(...positive)] : [1, 10];
  if (fromZero) [low, high] = [low / 1.25, high * 1.25];
  if (!(high > low)) [low, high] = [low / 2, high * 2];
  const gap = hasZero ? ZERO_GAP : 0;
  const at = (value) => {
    if (!(value > 0)) return hasZero && value <= 0 ? 0 : undefined;
    return gap + ((Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (length - gap);
  };
  const ticks = logTicks(low, high, wanted);
  return { at, ticks: hasZero ? [0, ...ticks] : ticks, isLog };
};

// Returns the relative luminance of a colour, as WCAG defines it.
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((part) => {
    const of = part / 255;
    return of <= 0.03928 ? of / 12.92 : ((of + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

// Returns a colour that is seen on the paper of the page: a lighter one where that is dark.
const seen = (colour, isDark) => {
  if (!isDark) return colour;
  let rgb = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  if (Math.max(...rgb) < 24) return "#f2f2f2";
  // The luminance of the dark paper is about 0.012.
  while ((luminance(rgb) + 0.05) / (0.012 + 0.05) < 4) rgb = rgb.map((part) => Math.round(part + (255 - part) * 0.15));
  return `#${rgb.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
};
