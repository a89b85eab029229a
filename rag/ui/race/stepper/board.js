/* Draws a game: three columns that keep their places. Whatever is text goes in as text, never as HTML. */

import { fly } from "./flight.js";

export function made(tag, name, ...inside) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...inside);
  return element;
}

export class Board {
  constructor(parent) {
    this.root = made("div", "lab");
    parent.append(this.root);
    this.on = () => {};
  }

  /* For other people, or other code. */
  build(game) {
    const { data } = game;
    for (const [letter, colour] of Object.entries(data.colours)) this.root.style.setProperty(`--own-${letter}`, colour);
    this.root.style.setProperty("--above", `${data.above}rem`);
    this.steps = data.people.map((one) => this.button("step", () => this.on("press", one.letter), one.letter));
    this.cancels = data.people.map((one) => this.button("cancel", () => this.on("press", one.letter.toLowerCase())));
    this.cancels.forEach((one, number) => {
      one.textContent = "✕";
      one.title = `${data.people[number].name} cancels (Shift+${data.people[number].letter})`;
      one.setAttribute("aria-label", `${data.people[number].name} cancels`);
    });
    this.undo = this.button("tool", () => this.on("undo"), "", "Undo", "u");
    this.restart = this.button("tool", () => this.on("restart"), "", "Restart", "r");
    this.player = this.button("tool", () => this.on("play"), "", "Play", "p");
    const pairs = data.people.map((_, number) => made("span", "pair", this.steps[number], this.cancels[number]));
    const bar = made("div", "bar", made("div", "people", ...pairs), made("div", "tools", this.undo, this.restart, this.player));
    this.range = made("input", "range");
    Object.assign(this.range, { type: "range", min: 0, step: 1 });
    this.range.setAttribute("aria-label", "Step of the schedule");
    this.range.addEventListener("input", () => this.on("at", Number(this.range.value)));
    this.letters = made("ol", "letters");
    this.letters.setAttribute("aria-label", "Schedule");
    this.count = made("span", "count");
    const time = made("div", "time", this.range, this.letters, this.count);
    this.now = made("p", "now");
    this.now.setAttribute("role", "status");
    this.verdict = made("div", "verdict");
    this.verdict.setAttribute("role", "status");
    this.predict = made("div", "predict");
    this.predict.setAttribute("role", "group");
    this.predict.setAttribute("aria-label", "Predict");
    this.code = made("pre", "code");
    this.code.tabIndex = 0;
    this.code.setAttribute("aria-label", "Code");
    this.lines = data.code.map(([pieces]) => {
      const text = made("code", "", ...pieces.map(([kind, words]) => made("span", kind, words)));
      return made("div", "line", made("span", "here"), text);
    });
    this.code.append(...this.lines);
    this.store = made("div", "store");
    this.phones = made("div", `phones of-${data.people.length}`);
    const column = (title, ...inside) => made("section", "", made("h3", "", title), ...inside);
    const columns = made("div", "columns", column("Code", this.code), column("Store", this.store), column("Phones", this.phones));
    [...columns.children].forEach((one, number) => one.classList.add(["of-code", "of-store", "of-phones"][number]));
    this.phone = data.people.map((one) => {
      const said = made("div", "said");
      const phone = made("article", "phone", made("header", "", badge(one.letter), made("strong", "", one.name)), said);
      phone.style.setProperty("--own", `var(--own-${one.letter})`);
      phone.said = said;
      return phone;
    });
    this.phones.append(...this.phone);
    this.seen = {};
    delete this.predict.dataset.state;
    this.root.replaceChildren(bar, time, made("div", "told", this.predict, this.now, this.verdict), columns);
  }

  button(name, act, letter = "", label = "", key = "") {
    const button = made("button", name, made("span", "label", label));
    button.type = "button";
    if (key) button.prepend(made("kbd", "", key));
    if (letter) {
      button.style.setProperty("--own", `var(--own-${letter})`);
      button.prepend(made("kbd", "", letter.toLowerCase()));
    }
    button.addEventListener("click", act);
    return button;
  }

  playing(on) {
    if (this.player) this.player.querySelector(".label").textContent = on ? "Pause" : "Play";
  }

  draw(game, { animate }) {
    const { data, moment } = game;
    data.people.forEach((one, number) => {
      const actor = game.actor(number);
      const can = moment[1].includes(one.letter);
      const button = this.steps[number];
      const what = actor.label === null ? "done" : actor.blocked ? `${actor.label} (waits)` : actor.label;
      button.querySelector(".label").replaceChildren(made("strong", "", one.name), ` ${what}`);
      button.setAttribute("aria-disabled", String(!can));
      this.cancels[number].hidden = !data.cancels;
      this.cancels[number].setAttribute("aria-disabled", String(!moment[1].includes(one.letter.toLowerCase())));
    });
    this.undo.setAttribute("aria-disabled", String(!game.place));
    this.restart.setAttribute("aria-disabled", String(!game.schedule));
    this.range.max = game.schedule.length;
    this.range.value = game.place;
    this.range.disabled = !game.schedule;
    this.drawLetters(game);
    this.drawNow(game);
    this.drawVerdict(game);
    this.drawPredict(game);
    this.drawCode(game);
    this.drawStore(game);
    this.drawPhones(game, animate);
  }

  drawLetters(game) {
    const shown = [...game.schedule].map((letter, place) => {
      const item = made("li", place < game.place ? "" : "later", letter);
      item.style.setProperty("--own", `var(--own-${letter.toUpperCase()})`);
      return item;
    });
    for (const letter of game.queue || "") shown.push(made("li", "waits", letter === "<" ? "↶" : letter === "0" ? "⟲" : letter));
    this.letters.replaceChildren(...shown);
    this.letters.children[Math.max(0, game.place - 1)]?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
    const times = game.presses === 1 ? "1 press" : `${game.presses} presses`;
    const cuts = game.preemptions();
    this.count.textContent = `Step ${game.place} of ${game.schedule.length} · ${cuts} preemption${cuts === 1 ? "" : "s"} · ${times}`;
    this.count.title = "A preemption: a turn is interrupted, and another one goes on.";
    this.root.dataset.schedule = game.schedule;
    this.root.dataset.presses = game.presses;
  }

  drawNow(game) {
    if (game.note) this.now.replaceChildren(made("span", "note", game.note));
    else if (!game.told) this.now.replaceChildren(made("span", "hint", game.data.hint));
    else this.now.replaceChildren(...game.told.map(([words, strong]) => (strong ? made("strong", "", words) : words)));
  }

  drawVerdict(game) {
    const { end } = game;
    this.verdict.className = "verdict";
    this.verdict.replaceChildren();
    if (end) this.drawEnd(game, end);
    if (game.judged) {
      const more = game.asking + 1 < game.data.questions.length;
      const on = made("button", "on", more ? "Next question" : "Now play it yourself");
      on.type = "button";
      on.addEventListener("click", () => this.on("skip"));
      const right = game.said === game.asked.answer;
      this.verdict.prepend(on, made("strong", "", right ? "You were right. " : "It went otherwise. "));
    } else if (game.said !== undefined) {
      this.verdict.append(made("span", "hint", `You said: ${game.asked.options[game.said]}.`));
    }
  }

  drawEnd(game, end) {
    const kinds = end.kinds.map(([kind, text]) => Object.assign(made("abbr", "kind", kind), { title: text }));
    const over = (goal) => goal.done || game.reached.has(goal.name);
    const met = game.own && [...game.data.goals].reverse().find((goal) => over(goal) && end.goals[goal.name] === "");
    const missed = game.todo && end.goals[game.todo.name];
    if (met) {
      const cuts = game.preemptions();
      const par = cuts <= met.par ? `at par (${met.par})` : `par is ${met.par}`;
      this.verdict.classList.add("reached");
      const head = made("strong", "", `✓ Goal reached with ${cuts} preemption${cuts === 1 ? "" : "s"}, ${par}. `);
      this.verdict.append(head, end.said, " ", ...kinds);
      return;
    }
    this.verdict.classList.add(end.tone);
    const marks = { bad: "✕", good: "✓", unknown: "?" };
    if (game.own && missed) this.verdict.append(made("strong", "", `Not yet. ${missed} `));
    else this.verdict.append(made("strong", "", `${marks[end.tone]} `));
    this.verdict.append(end.said, " ", ...kinds);
  }

  drawPredict(game) {
    const { question } = game;
    const open = question !== undefined && game.said === undefined;
    this.predict.hidden = !open;
    this.now.hidden = this.verdict.hidden = open;
    if (!open || this.predict.dataset.state === String(game.asking)) return;
    this.predict.dataset.state = String(game.asking);
    const letters = [...question.schedule].map((letter) => {
      const mark = made("b", "mark", letter);
      mark.style.setProperty("--own", `var(--own-${letter.toUpperCase()})`);
      return mark;
    });
    const option = (text, name, act) => {
      const button = made("button", name, text);
      button.type = "button";
      button.addEventListener("click", act);
      return button;
    };
    this.predict.replaceChildren(
      made("p", "", made("strong", "", "Predict, then watch: "), "what comes of ", ...letters, "?"),
      made(
        "div",
        "options",
        ...question.options.map((text, place) => option(text, "option", () => this.on("predict", place))),
        option("Skip", "skip", () => this.on("skip")),
      ),
    );
  }

  drawCode(game) {
    const here = game.data.people.map((_, number) => game.actor(number).line);
    this.lines.forEach((line, number) => {
      const letters = game.data.people.filter((_, one) => here[one] === number).map((one) => one.letter);
      const key = `${letters} ${game.data.bug}`;
      if (line.dataset.key === key) return;
      line.dataset.key = key;
      line.firstChild.replaceChildren(...letters.map(badge));
      line.classList.toggle("at", letters.length > 0);
      line.classList.toggle("bug", game.data.bug && game.data.code[number][1]);
    });
    const places = here.filter((line) => line >= 0).map((line) => this.lines[line]);
    const hidden = places.find((line) => line.offsetTop < this.code.scrollTop || line.offsetTop + line.offsetHeight > this.code.scrollTop + this.code.clientHeight);
    if (hidden) this.code.scrollTop = hidden.offsetTop - this.code.clientHeight / 2;
  }

  drawStore(game) {
    if (this.seen.store === game.moment[4]) return;
    this.seen.store = game.moment[4];
    const { boxes } = game.data.stores[game.moment[4]];
    this.store.replaceChildren(
      ...boxes.map((box) => {
        const list = made("div", "list", ...box.messages.map(([role, owner, pieces]) => {
          const line = made("p", role, role === "user" ? "" : "↳ ", ...pieces.map((piece) => words(piece)));
          if (owner) line.style.setProperty("--own", `var(--own-${owner})`);
          return line;
        }));
        if (!box.messages.length) list.append(made("span", "empty", "empty"));
        const element = made("div", box.copy ? "box copy" : "box", made("header", "", ...[...box.users].map(badge), box.title), list);
        if (box.users.length === 1) element.style.setProperty("--own", `var(--own-${box.users})`);
        return element;
      }),
    );
    this.store.scrollTop = this.store.scrollHeight;
  }

  drawPhones(game, animate) {
    game.data.people.forEach((one, number) => {
      const place = game.moment[3][number];
      const key = `phone${number}`;
      if (this.seen[key] === place) return;
      const before = this.seen[key] === undefined ? 0 : game.data.actors[this.seen[key]]?.bubbles.length || 0;
      this.seen[key] = place;
      const actor = game.data.actors[place];
      const bubbles = actor.bubbles.map(([role, pieces]) => made("p", `bubble ${role}`, ...pieces.map((piece) => words(piece, game))));
      if (actor.waiting) bubbles.push(made("p", "bubble waits", "…"));
      if (!bubbles.length) bubbles.push(made("p", "empty", "Nothing said yet."));
      const phone = this.phone[number];
      phone.said.replaceChildren(...bubbles);
      phone.said.scrollTop = phone.said.scrollHeight;
      const foreign = actor.bubbles.some(([, pieces]) => pieces.some(([, owner]) => owner.endsWith("!")));
      phone.classList.toggle("wrong", foreign);
      const news = actor.bubbles.slice(before).flatMap(([, pieces]) => pieces).find(([, owner]) => owner.endsWith("!"));
      if (animate && news) fly(this.root, this.phone[game.data.people.findIndex((other) => other.letter === news[1][0])], phone, news);
    });
  }
}

function badge(one) {
  const mark = made("b", "badge", one.letter || one);
  mark.style.setProperty("--own", `var(--own-${one.letter || one})`);
  return mark;
}

/* A piece of a text; an address in its owner's colour, and named where it is shown to somebody else. */
function words([text, owner], game) {
  if (!owner) return text;
  const mark = made("mark", owner.endsWith("!") ? "foreign" : "own", text);
  mark.style.setProperty("--own", `var(--own-${owner[0]})`);
  const name = game?.data.people.find((one) => one.letter === owner[0])?.name;
  if (owner.endsWith("!") && name) mark.append(made("small", "", `${name}'s`));
  return mark;
}
