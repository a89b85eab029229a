// The field of people: drawn from what Python says of each, or, where a run is played again, from its turns so far.

const CELL = 30, GAP = 5, EDGE = 3, PLAIN = 900, SECONDS = 8;
const OWN = "#3b82f6", OTHERS = "#f97316";
const LEGEND = [
  [`linear-gradient(to top, ${OWN} 55%, rgba(128,128,160,.25) 55%)`, "", "answered, in one's own colour"],
  [`radial-gradient(${OTHERS} 28%, #fff 30% 38%, ${OWN} 40%)`, "", "somebody else's data in the prompt"],
  [`radial-gradient(closest-side, ${OTHERS} 60%, ${OWN} 62%)`, "!", "shown somebody else's data, in its owner's colour"],
  [OWN, "×", "lost or torn"],
];

export default function ({ data, parentElement }) {
  parentElement.field ??= new Field(parentElement);
  parentElement.field.take(data);
  return () => {
    if (parentElement.isConnected) return; // of a call that a newer one has overtaken: what it drew is the newer's
    parentElement.field?.close();
    delete parentElement.field;
  };
}

class Field {
  constructor(parent) {
    this.root = element("div", "field", parent);
    this.people = element("div", "people", this.root);
    this.stage = element("div", "stage", this.root);
    this.canvas = element("canvas", "", this.stage);
    this.canvas.setAttribute("role", "img");
    this.hint = element("div", "hint", this.stage);
    this.player = element("div", "player", this.root);
    this.line = element("p", "line", this.root);
    this.legend = element("div", "legend", this.root);
    for (const [style, sign, text] of LEGEND) {
      const part = element("span", "", this.legend);
      element("i", "", part, sign).style.background = style;
      part.append(text);
    }
    this.sized = new ResizeObserver(() => this.draw());
    this.sized.observe(this.stage);
    this.canvas.addEventListener("mousemove", (event) => this.point(event));
    this.canvas.addEventListener("mouseleave", () => (this.hint.hidden = true));
    this.hint.hidden = true;
    this.at = null; // null: the end
  }

  take(data) {
    const again = this.data && this.data.steps.length === data.steps.length;
    this.data = data;
    if (!again) {
      this.at = null;
      this.controls();
    }
    this.canvas.setAttribute("aria-label", data.said);
    this.show();
  }

  close() {
    clearInterval(this.playing);
    this.sized.disconnect();
    this.root.remove(); // another one may be mounted in the same place
  }

  // --- what is known at a moment

  now() {
    const { data } = this;
    if (this.at === null) return { done: data.done, told: data.told, held: data.held, wrong: new Set(data.wrong) };
    const none = () => data.done.map(() => -1);
    const state = { done: data.done.map(() => 0), told: none(), held: none(), wrong: new Set() };
    for (const [, user, told, held] of data.steps.slice(0, this.at)) {
      state.done[user] += 1;
      if (state.told[user] < 0) state.told[user] = told;
      if (state.held[user] < 0) state.held[user] = told >= 0 ? told : held;
    }
    return state;
  }

  show() {
    this.state = this.now();
    this.draw();
    this.cards();
    this.words();
  }

  // --- controls

  controls() {
    const { steps } = this.data;
    clearInterval(this.playing);
    this.player.replaceChildren();
    this.player.hidden = this.line.hidden = !steps.length;
    if (!steps.length) return;
    const leak = steps.findIndex(([, , told]) => told >= 0);
    const first = leak >= 0 ? leak : steps.findIndex(([, , , held]) => held >= 0);
    this.play = this.button("▶", "Play the run again", () => this.toggle());
    this.button("‹", "One turn back", () => this.go((this.at ?? steps.length) - 1));
    this.button("›", "One turn on", () => this.go((this.at ?? 0) + 1));
    if (first >= 0) this.button("First leak", "Stop at the first answer with somebody else's data", () => this.go(first + 1));
    this.range = element("input", "", this.player);
    Object.assign(this.range, { type: "range", min: 0, max: steps.length, value: steps.length });
    this.range.setAttribute("aria-label", "Turns answered");
    this.range.addEventListener("input", () => this.go(Number(this.range.value)));
  }

  button(text, title, press) {
    const made = element("button", "", this.player, text);
    made.title = title;
    if (text.length === 1) made.setAttribute("aria-label", title);
    made.addEventListener("click", press);
    return made;
  }

  go(at, stop = true) {
    if (stop) this.halt();
    this.at = Math.max(0, Math.min(this.data.steps.length, at));
    this.range.value = this.at;
    this.show();
  }

  toggle() {
    if (this.playing) return this.halt();
    const { steps } = this.data;
    const from = this.at === null || this.at >= steps.length ? 0 : this.at;
    const length = steps.at(-1)[0] || 1;
    let clock = from ? steps[from - 1][0] : 0;
    this.play.textContent = "⏸";
    this.go(from, false);
    this.playing = setInterval(() => {
      clock += (length / SECONDS) * 0.05;
      let at = this.at;
      while (at < steps.length && steps[at][0] <= clock) at += 1;
      if (at !== this.at) this.go(at, false);
      if (at >= steps.length) this.halt();
    }, 50);
  }

  halt() {
    clearInterval(this.playing);
    this.playing = undefined;
    if (this.play) this.play.textContent = "▶";
  }

  words() {
    const { steps, names } = this.data;
    if (!steps.length) return;
    const at = this.at ?? steps.length;
    if (!at) return void (this.line.textContent = `Before the first of ${steps.length} turns.`);
    const [t, user, told, held] = steps[at - 1];
    const turn = steps.slice(0, at).filter((step) => step[1] === user).length;
    const got = told >= 0 ? `was answered with ${names[told]}'s data`
      : held >= 0 ? `was answered; ${names[held]}'s data stood in its prompt` : "was answered";
    this.line.textContent = `${t.toFixed(2)} s · turn ${at} of ${steps.length}: ${names[user]}'s turn ${turn} ${got}.`;
    this.line.classList.toggle("leak", told >= 0);
  }

  // --- drawing

  layout() {
    const many = this.data.done.length;
    const columns = Math.max(1, Math.ceil(Math.sqrt(many * 1.6)));
    return { columns, rows: Math.ceil(many / columns), step: CELL + GAP };
  }

  draw() {
    if (!this.data || !this.state) return;
    const { columns, rows, step } = this.layout();
    const wide = columns * step - GAP + 2 * EDGE, high = rows * step - GAP + 2 * EDGE;
    const width = Math.min(this.stage.clientWidth || wide, wide * 1.2), scale = width / wide;
    const dense = window.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: Math.round(width * dense), height: Math.round(high * scale * dense) });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${high * scale}px` });
    this.scale = scale;
    const pen = this.canvas.getContext("2d");
    pen.scale(scale * dense, scale * dense);
    pen.translate(EDGE, EDGE);
    for (let user = 0; user < this.data.done.length; user += 1) {
      this.cell(pen, user, (user % columns) * step, Math.floor(user / columns) * step);
    }
  }

  cell(pen, user, x, y) {
    const { colours, turns, named, done } = this.data, { told, held, wrong } = this.state;
    const own = colours[user], plain = done.length > PLAIN;
    const share = turns ? Math.min(1, this.state.done[user] / turns) : 0;
    const box = (fill, from, size, high = size) => {
      pen.fillStyle = fill;
      pen.beginPath();
      pen.roundRect(x + from, y + CELL - from - high, size, high, Math.min(5, high / 2));
      pen.fill();
    };
    box("rgba(128,128,160,.18)", 0, CELL);
    if (told[user] >= 0) {
      box(own, 0, CELL);
      box(colours[told[user]], plain ? 0 : 4, plain ? CELL : CELL - 8);
      this.mark(pen, x, y, "!");
    } else {
      if (share) box(own, 0, CELL, CELL * share);
      if (held[user] >= 0) {
        pen.fillStyle = colours[held[user]];
        pen.strokeStyle = "#fff";
        pen.lineWidth = 2;
        pen.beginPath();
        pen.arc(x + CELL / 2, y + CELL / 2, 6, 0, 7);
        pen.fill();
        pen.stroke();
      } else if (wrong.has(user)) this.mark(pen, x, y, "×");
    }
    if (user < named) {
      pen.strokeStyle = getComputedStyle(this.root).color;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.roundRect(x - 1.5, y - 1.5, CELL + 3, CELL + 3, 6);
      pen.stroke();
    }
  }

  mark(pen, x, y, sign) {
    pen.fillStyle = "#fff";
    pen.font = "bold 20px sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(sign, x + CELL / 2, y + CELL / 2 + 1);
  }

  cards() {
    const { names, colours, named } = this.data;
    this.people.replaceChildren();
    for (let user = 0; user < named; user += 1) {
      const card = element("div", "card", this.people);
      const owner = this.state.told[user];
      card.style.setProperty("--own", colours[user]);
      card.style.setProperty("--shown", owner >= 0 ? colours[owner] : colours[user]);
      card.classList.toggle("leak", owner >= 0);
      element("b", "", card, names[user]);
      element("span", "", card, this.fate(user));
    }
  }

  fate(user) {
    const { names, turns } = this.data, { done, told, held, wrong } = this.state;
    if (told[user] >= 0) return `was shown ${names[told[user]]}'s data`;
    if (held[user] >= 0) return `${names[held[user]]}'s data in the prompt`;
    if (wrong.has(user)) return "something was lost or torn";
    return done[user] ? `${done[user]} of ${turns} answered` : "waiting";
  }

  point(event) {
    const { columns, step } = this.layout();
    const [column, row] = [event.offsetX, event.offsetY].map((at) => Math.floor((at / this.scale - EDGE) / step));
    const user = row * columns + column;
    this.hint.hidden = column < 0 || row < 0 || column >= columns || user >= this.data.names.length;
    if (this.hint.hidden) return;
    this.hint.textContent = `${this.data.names[user]}: ${this.fate(user)}`;
    this.hint.style.left = `${Math.min(event.offsetX + 12, this.stage.clientWidth - 180)}px`;
    this.hint.style.top = `${event.offsetY + 14}px`;
  }
}

function element(kind, name, parent, text = "") {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}
