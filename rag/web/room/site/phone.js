// One phone: its own conversation, asked one question at a time, and a look every few seconds at what has changed.
import { call, code, element, ink, Refused } from "./common.js";

const LOOK = 2500, HIDDEN = 10000;
// Two phones beside each other in one window are told apart by what follows the # in their addresses.
const slot = `crosswire-room-${code}${location.hash}`;
const $ = (id) => document.getElementById(id);
let token = stored(), state = null, asking = "", greeted = 0, timer = 0;

function stored() { try { return localStorage.getItem(slot); } catch { return null; } }
function keep(value) { try { localStorage.setItem(slot, value); } catch { /* it lasts as long as this page */ } }
function drop() { token = null; try { localStorage.removeItem(slot); } catch { /* nothing was kept */ } }

async function begin() {
  $("again").hidden = true;
  try {
    if (token) take(await call("state", undefined, token));
    else await join();
    look();
  } catch (error) {
    if (error.status === 401) { drop(); return begin(); }
    stop(error instanceof Refused ? error.message : "This server cannot be reached. Are you in its network?", error.status !== 403);
  }
}

async function join() {
  const found = await call("join", {});
  token = found.token;
  keep(token);
  take(found);
}

function stop(line, again = false) {
  $("phone").hidden = true;
  $("middle").hidden = false;
  $("line").textContent = line;
  $("again").hidden = !again;
  clearTimeout(timer);
}

function look() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    try {
      if (!asking) take(await call("state", undefined, token));
    } catch (error) {
      if (error.status === 404 || error.status === 401) return stop("The room has ended. Nothing of it is kept.");
      if (error.status === 403) return stop(error.message);
    }
    look();
  }, document.hidden ? HIDDEN : LOOK);
}

async function ask(question, body) {
  if (asking) return;
  asking = question;
  draw();
  try {
    await greet();
    take(await call("ask", body, token));
  } catch (error) {
    if (error.status === 428) {
      try { state.known = false; await greet(); take(await call("ask", body, token)); } catch (late) { tell(late); }
    } else tell(error);
  } finally {
    asking = "";
    draw();
  }
}

async function greet() {
  if (state.known) return;
  take(await call("hello", {}, token));
}

async function hello() {
  if (state.known || state.busy || asking || state.ended || greeted === state.act) return;
  greeted = state.act;
  asking = "Hello!";
  draw();
  // Not all forty at the same instant.
  await new Promise((done) => setTimeout(done, Math.random() * 1200));
  try { await greet(); } catch (error) { if (error.status !== 409) tell(error); } finally { asking = ""; draw(); }
}

function tell(error) {
  if (error.status === 410) return;
  $("talk").append(element("p", { class: "note" }, error instanceof Refused ? error.message : "The server did not answer: ask again."));
  $("talk").lastChild.scrollIntoView();
}

function take(found) {
  if (found === null) return;
  state = found;
  draw();
  hello();
}

function draw() {
  if (state === null) return;
  if (state.ended) return stop("The room has ended. Thank you for coming! What you said here will be deleted.");
  $("middle").hidden = true;
  $("phone").hidden = false;
  $("phone").style.setProperty("--mine", state.you.colour);
  $("phone").style.setProperty("--on-mine", ink(state.you.colour));
  $("name").textContent = state.you.name;
  $("secret").textContent = state.you.secret;
  document.title = `${state.you.name} · Crosswire`;
  drawShown();
  drawTalk();
  drawChips();
}

function drawShown() {
  const names = state.shown.map((one) => one.name);
  $("shown").hidden = names.length === 0;
  const few = names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(" and ");
  $("shown").textContent = `Your order number was shown to ${few}.`;
}

let drawn = "";
function drawTalk() {
  const now = JSON.stringify([state.act, state.turns, asking]);
  if (now === drawn) return;
  drawn = now;
  const lines = state.act > 1 ? [element("p", { class: "note" }, "The memory was switched. It knows nothing of before.")] : [];
  for (const turn of state.turns) lines.push(...drawTurn(turn));
  if (asking && !state.turns.some((turn) => turn.answer === null && !turn.failed)) {
    lines.push(element("p", { class: "says me" }, asking), waits());
  }
  $("talk").replaceChildren(...lines);
  $("talk").scrollTop = $("talk").scrollHeight;
}

const waits = () => element("p", { class: "says chat", "aria-label": "The chat is answering" }, element("span", { class: "dots" }));

function drawTurn(turn) {
  const lines = [element("p", { class: "says me" }, turn.question)];
  if (turn.failed) lines.push(element("p", { class: "note" }, "No answer: ask again."));
  else if (turn.answer === null) lines.push(waits());
  else {
    const foreign = turn.leaks.length > 0;
    lines.push(element("p", { class: foreign ? "says chat foreign" : "says chat" }, ...marked(turn)));
    for (const leak of turn.leaks) lines.push(element("p", { class: "verdict" }, `⚠ That is ${leak.name}’s order, not yours.`));
  }
  return lines;
}

// The words that are somebody's, in the owner's colour.
function marked(turn) {
  const owners = [...turn.leaks, state.you];
  let pieces = [turn.answer];
  for (const owner of owners) {
    pieces = pieces.flatMap((piece) => typeof piece !== "string" ? [piece] : piece.split(owner.secret).flatMap((part, n) =>
      n === 0 ? [part] : [owned(owner), part]));
  }
  return pieces;
}

function owned(owner) {
  const made = element("span", { class: "owned mono" }, owner.secret);
  made.style.setProperty("--whose", owner.colour);
  made.style.setProperty("--on-whose", ink(owner.colour));
  return made;
}

function drawChips() {
  if ($("chips").childElementCount === 0) {
    for (const one of state.questions) {
      const button = element("button", { type: "button" }, one.text);
      button.addEventListener("click", () => ask(one.text, { key: one.key }));
      $("chips").append(button);
    }
  }
  for (const button of $("chips").children) button.disabled = asking !== "" || state.busy;
}

$("typed").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || asking) return;
  $("text").value = "";
  ask(text, { text });
});
$("again").addEventListener("click", begin);
document.addEventListener("visibilitychange", () => { if (!document.hidden && token) look(); });
begin();
