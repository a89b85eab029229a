/* The race lab's board. Python explores a scene and judges each of its ends; this plays what it was given: every press
   is counted and shown at once. Where a scene is too large to be given, presses wait in line for Python's answer. */

import { Board } from "./board.js";
import { listen } from "./keys.js";
import { Game } from "./game.js";

const SETTLED = 350; // milliseconds without a press, after which Python and the address are told
const mounted = new WeakMap();
const games = new Map(); // by board's place: a board that is drawn anew elsewhere on the page goes on with its game
let last; // of the boards the one that was drawn last: the keyboard is its own

export default function ({ data, parentElement, setStateValue }) {
  if (!parentElement.isConnected) return; // it was left before this had been loaded
  let here = mounted.get(parentElement);
  const first = !here;
  if (first) {
    if (!games.has(data.slot)) games.set(data.slot, new Game());
    here = { game: games.get(data.slot), board: new Board(parentElement) };
    here.board.on = (what, value) => act(here, what, value);
    here.stop = listen((what, value) => act(here, what, value), () => last === here);
    mounted.set(parentElement, here);
  }
  last = here;
  here.send = (value) => setStateValue("sent", value);
  const anew = here.game.given(data);
  if (anew || first) here.board.build(here.game);
  here.board.draw(here.game, { animate: !anew && !first });
  if (here.game.queue) ask(here);
  return () => {
    if (parentElement.isConnected) return; // of a call that a newer one has overtaken: what it drew is the newer's
    here.stop();
    clearTimeout(here.timer);
    clearInterval(here.player);
    here.board.root.remove();
    mounted.delete(parentElement);
  };
}

function act(here, what, value) {
  const game = here.game;
  if (what !== "play") pause(here);
  const before = game.schedule;
  switch (what) {
    case "press": game.press(value); break;
    case "undo": game.undo(); break;
    case "restart": game.restart(); break;
    case "at": game.at(value); break;
    case "by": game.at(game.place + value); break;
    case "play": here.player ? pause(here) : play(here); break;
    case "predict": game.predict(value); play(here, game.question.schedule); break;
    case "skip": game.skip(); break;
  }
  game.noteReached();
  here.board.draw(game, { animate: true });
  if (game.queue) ask(here);
  else if (game.schedule !== before) settle(here);
}

/* Step by step: the rest of what was played, or a whole schedule from its beginning. */
function play(here, schedule) {
  const game = here.game;
  if (schedule !== undefined) game.load(schedule, false);
  else if (game.place === game.schedule.length) game.at(0);
  else game.at(game.place + 1);
  if (schedule !== undefined) game.at(0);
  here.player = setInterval(() => {
    if (game.place >= game.schedule.length) {
      pause(here);
      if (game.played()) {
        game.noteReached();
        settle(here);
      }
      here.board.draw(game, { animate: false });
      return;
    }
    game.at(game.place + 1);
    here.board.draw(game, { animate: true });
  }, 550);
  here.board.playing(true);
}

function pause(here) {
  clearInterval(here.player);
  here.player = undefined;
  here.board.playing(false);
}

/* Nothing is lost: what was pressed since the last answer goes along with the next question. */
function ask(here) {
  const game = here.game;
  if (game.asked) return;
  game.asked = game.queue.length;
  game.number += 1;
  here.send({ board: game.board, schedule: game.schedule, own: true, keys: game.queue, number: game.number, ended: [] });
}

function settle(here) {
  const game = here.game;
  clearTimeout(here.timer);
  address(game);
  const wait = game.end ? 60 : SETTLED;
  here.timer = setTimeout(() => {
    here.send({ board: game.board, schedule: game.schedule, own: game.own, keys: "", number: 0, ended: [...game.reached.values()] });
  }, wait);
}

let written;
function address(game) {
  clearTimeout(written); // browsers refuse too many of these
  written = setTimeout(() => {
    const url = new URL(location.href);
    if (game.schedule) url.searchParams.set(game.slot, game.schedule);
    else url.searchParams.delete(game.slot);
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }, 150);
}
