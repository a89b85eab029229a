/* What was played: a schedule, the moment after each of its letters, and where in it one looks. It decides nothing:
   what comes next and how it ended is in the data. */

export class Game {
  constructor() {
    this.presses = 0;
    this.number = 0; // of questions to Python
  }

  /* New data. Whether it is of another board than before. */
  given(data) {
    const anew = data.board !== this.board;
    this.data = data;
    if (anew) {
      this.board = data.board;
      this.slot = data.slot;
      this.presses = 0;
      this.asked = 0;
      this.queue = "";
      this.load(data.schedule, false);
      this.loaded = data.load;
      this.begin();
      if (data.schedule) this.asking = data.questions.length; // who comes by a link comes to look
    } else if (data.stepped) {
      this.answered(data);
    } else if (data.load !== this.loaded) {
      this.loaded = data.load;
      this.load(data.schedule, true);
    } else {
      this.load(this.schedule, this.own, this.place);
    }
    return anew;
  }

  /* The goal that is next; what was reached here and Python has not heard of yet is not. */
  get todo() {
    return this.data.goals.find((goal) => !goal.done && !this.reached.has(goal.name));
  }

  /* Whoever plays fast has gone on before Python is told: what reached a goal is kept for it. */
  noteReached() {
    const { end, todo } = this;
    if (this.own && end && todo && end.goals[todo.name] === "") this.reached.set(todo.name, this.schedule);
  }

  begin() {
    this.reached = new Map(); // goals, by the schedules that reached them
    this.asking = 0; // which of the questions of the lesson is next
    this.said = undefined;
    this.judged = false;
  }

  get question() {
    return this.data.questions[this.asking];
  }

  get moment() {
    return this.data.moments[this.trail[this.place]];
  }

  get end() {
    const number = this.moment[5];
    return number < 0 ? undefined : this.data.ends[number];
  }

  get told() {
    return this.place ? this.data.told[this.steps[this.place - 1]] : undefined;
  }

  actor(number, place = this.place) {
    return this.data.actors[this.data.moments[this.trail[place]][3][number]];
  }

  load(schedule, own, place) {
    this.schedule = "";
    this.trail = [0];
    this.steps = [];
    this.place = 0;
    for (const letter of schedule) if (!this.go(letter)) break;
    if (place !== undefined) this.place = Math.min(place, this.schedule.length);
    this.own = own;
    this.note = "";
  }

  go(letter) {
    const way = this.data.moments[this.trail[this.schedule.length]][0][letter];
    if (!way) return false;
    this.schedule += letter;
    this.trail.push(way[0]);
    this.steps.push(way[1]);
    this.place = this.schedule.length;
    return true;
  }

  press(letter) {
    const number = this.data.people.findIndex((one) => one.letter === letter.toUpperCase());
    if (number < 0) return;
    if (this.question) this.leave();
    this.presses += 1;
    this.own = true;
    this.note = "";
    if (this.data.stepped) {
      this.queue += "<".repeat(this.schedule.length - this.place) + letter;
      this.place = this.schedule.length;
      return;
    }
    if (this.schedule[this.place] === letter) {
      this.place += 1;
      return;
    }
    if (!this.moment[0][letter]) {
      this.note = this.refused(number, letter);
      return;
    }
    this.cut(this.place);
    this.go(letter);
  }

  refused(number, letter) {
    const who = this.data.people[number].short;
    const actor = this.actor(number);
    if (letter !== letter.toUpperCase()) return `${who} has no turn to cancel now.`;
    if (actor.label === null) return `${who} has no step left.`;
    return `${who} has to wait.`;
  }

  cut(length) {
    this.schedule = this.schedule.slice(0, length);
    this.trail.length = length + 1;
    this.steps.length = length;
    this.place = length;
  }

  undo() {
    this.presses += 1;
    this.own = true;
    this.note = "";
    if (this.data.stepped) this.queue += "<".repeat(this.schedule.length - this.place + 1);
    else if (this.place) this.cut(this.place - 1);
  }

  restart() {
    this.presses += 1;
    this.own = true;
    this.note = "";
    if (this.data.stepped) this.queue += "0";
    else this.cut(0);
  }

  at(place) {
    this.place = Math.max(0, Math.min(place, this.schedule.length));
    this.note = "";
  }

  /* Python has played what was asked: the rest waits. */
  answered(data) {
    if (data.number !== this.number && data.load === this.loaded) return;
    if (data.number === this.number) {
      this.queue = this.queue.slice(this.asked);
      this.asked = 0;
    } else {
      this.queue = "";
      this.asked = 0;
      this.loaded = data.load;
    }
    this.load(data.schedule, true);
    this.note = data.refused;
  }

  /* Interruptions of a turn that could have gone on. */
  preemptions() {
    let count = 0;
    for (let place = 1; place < this.place; place += 1) {
      const last = this.schedule[place - 1].toUpperCase();
      const busy = this.data.moments[this.trail[place]][2];
      count += last !== this.schedule[place].toUpperCase() && busy.includes(last);
    }
    return count;
  }

  predict(answer) {
    this.said = answer;
    this.asked = this.question; // the server asks it no more, once the chapter is done
  }

  /* To the end of what was predicted. Whether that counts as played. */
  played() {
    if (this.said === undefined || this.judged) return false;
    this.judged = true;
    this.own = this.data.watch;
    return this.own;
  }

  /* To the next question, or to playing by oneself. */
  skip() {
    if (!this.judged) this.leave();
    else {
      this.asking += 1;
      this.said = undefined;
      this.judged = false;
    }
    this.load("", false);
  }

  /* Whoever plays has no more questions. */
  leave() {
    this.asking = this.data.questions.length;
    this.said = undefined;
    if (this.judged === false && this.place === 0) this.load("", false);
    this.judged = false;
  }
}
