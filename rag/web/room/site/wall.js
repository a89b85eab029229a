// The wall: everybody in the room around the memory that they share, and an arrow for each secret that was shown.
import { at, call, code, Refused } from "./common.js";

const $ = (id) => document.getElementById(id);
const WIDE = 1000, HIGH = 560;
const drawn = { people: new Map(), arrows: new Map(), act: 0, before: false };
let wall = null;

function svg(name, attributes = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function listen() {
  const events = new EventSource(at("live"));
  events.onmessage = (event) => take(JSON.parse(event.data));
  events.addEventListener("gone", () => { events.close(); stop("The room is over, and nothing of it is kept."); });
  events.onerror = async () => {
    if (events.readyState !== EventSource.CLOSED) return;
    // The answer says why; a stream that is refused does not.
    try { await call("now"); setTimeout(listen, 2000); }
    catch (error) { error instanceof Refused ? stop(error.message) : setTimeout(listen, 2000); }
  };
}

function stop(line) {
  $("wall").hidden = true;
  $("middle").hidden = false;
  $("line").textContent = line;
}

function take(found) {
  wall = found;
  $("middle").hidden = true;
  $("wall").hidden = false;
  if (drawn.act !== wall.act) {
    drawn.act = wall.act;
    drawn.arrows.clear();
    $("field").replaceChildren();
    drawn.people.clear();
  }
  drawWords();
  drawField();
}

const counted = (number, one, many) => `${number} ${number === 1 ? one : many}`;

function drawWords() {
  $("wall").classList.toggle("empty", wall.people.length === 0 && !wall.ended);
  const bad = wall.reached > 0;
  $("headline").className = bad ? "bad" : "";
  $("headline").textContent = headline(bad);
  $("sentence").textContent = wall.sentence;
  const [origin, path] = wall.address.split(/(?=\/r\/)/);
  // A line ends before the path, if anywhere.
  if ($("address").textContent !== wall.address) $("address").replaceChildren(origin, document.createElement("wbr"), path);
  const here = wall.people.filter((one) => !one.away && !one.out).length;
  $("who").textContent = wall.ended ? "The room has ended" : `${counted(here, "phone", "phones")} here`;
  const address = `qr.svg?${encodeURIComponent(wall.address)}`;
  if ($("qr").getAttribute("src") !== address) $("qr").setAttribute("src", address);
  for (const side of ["wrong", "right"]) {
    $(side).textContent = `${side === "wrong" ? "Wrong" : "Right"} memory`;
    $(side).title = wall.choices[side].title;
    $(side).setAttribute("aria-pressed", String(wall.memory.name === wall.choices[side].name));
    $(side).disabled = wall.ended;
  }
}

function headline(bad) {
  if (wall.people.length === 0) return "Scan the code: you get a name and a made-up secret.";
  if (bad) return `${wall.reached} of ${counted(wall.people.length, "person was", "people were")} shown somebody else’s secret.`;
  if (wall.asked < 2) return `${counted(wall.people.length, "person is", "people are")} in. Ask the chat for your order number.`;
  return `Nobody was shown anybody else’s secret, in ${counted(wall.turns, "turn", "turns")}.`;
}

const ACROSS = WIDE / 2 - 92, DOWN = HIGH / 2 - 56, POINTS = 720;
// How far it is along the ellipse to each of its points, from its top.
const along = [0];
for (let n = 1; n <= POINTS; n += 1) {
  const [a, b] = [n - 1, n].map((at) => [Math.cos((2 * Math.PI * at) / POINTS) * DOWN, Math.sin((2 * Math.PI * at) / POINTS) * ACROSS]);
  along.push(along[n - 1] + Math.hypot(a[0] - b[0], a[1] - b[1]));
}

// Where somebody stands, as far from one neighbour as from the other, and which way is out.
function place(number, count) {
  const far = (along[POINTS] * number) / Math.max(count, 1), at = along.findIndex((one) => one >= far);
  const angle = (2 * Math.PI * at) / POINTS - Math.PI / 2, [right, down] = [Math.cos(angle), Math.sin(angle)];
  return { x: WIDE / 2 + right * ACROSS, y: HIGH / 2 + down * DOWN, right, down };
}

function drawField() {
  const field = $("field"), count = wall.people.length;
  if (field.childElementCount === 0) field.append(svg("g", { id: "arrows" }), svg("g", { id: "centre" }), svg("g", { id: "people" }));
  drawCentre();
  const radius = Math.max(10, Math.min(30, (along[POINTS] / Math.max(count, 1)) * 0.4));
  for (const one of wall.people) drawPerson(one, count, radius);
  for (const leak of wall.leaks) drawArrow(leak, count, radius);
  drawn.before = true;  // what was there when the wall was opened is nothing new
}

function drawCentre() {
  const box = svg("rect", { x: WIDE / 2 - 170, y: HIGH / 2 - 46, width: 340, height: 92, rx: 16, class: `centre ${wall.memory.wrong ? "wrong" : "right"}` });
  const name = svg("text", { x: WIDE / 2, y: HIGH / 2 - 6, class: "what" }, wall.memory.title);
  const kind = svg("text", { x: WIDE / 2, y: HIGH / 2 + 22, class: "kind" }, wall.memory.wrong ? "a wrong memory" : "a right memory");
  document.getElementById("centre").replaceChildren(box, name, kind);
}

function drawPerson(one, count, radius) {
  let group = drawn.people.get(one.number);
  if (!group) {
    group = svg("g", { tabindex: 0, role: "button" });
    group.addEventListener("click", () => choose(one.number));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(one.number);
    });
    group.append(svg("circle", { class: "ring", "stroke-width": 5 }), svg("circle", { class: "inside" }), svg("text"), svg("title"));
    document.getElementById("people").append(group);
    drawn.people.set(one.number, group);
  }
  const { x, y, right, down } = place(one.number, count), owner = one.shown >= 0 ? wall.people[one.shown] : null;
  const [ring, inside, name, title] = group.children;
  group.setAttribute("class", `person${one.out ? " out" : one.away ? " away" : ""}${one.busy ? " busy" : ""}`);
  for (const circle of [ring, inside]) { circle.setAttribute("cx", x); circle.setAttribute("cy", y); }
  ring.setAttribute("r", radius);
  ring.setAttribute("stroke", one.colour);
  inside.setAttribute("r", radius - 6);
  inside.setAttribute("fill", owner ? owner.colour : one.turns > 0 ? one.colour : "transparent");
  // Outside of the circle, where no arrow goes.
  const aside = Math.abs(right) > 0.9 || count > 24;
  name.setAttribute("x", x + (aside ? right * (radius + 8) : 0));
  name.setAttribute("y", aside ? y + down * (radius + 10) + 5 : y + (down < 0 ? -radius - 8 : radius + 20));
  name.setAttribute("text-anchor", aside ? (right > 0.35 ? "start" : right < -0.35 ? "end" : "middle") : "middle");
  name.textContent = one.name;
  title.textContent = `${one.name}${owner ? ` was shown ${owner.name}’s secret` : ""}${one.out ? ", was sent out" : ""}`;
  group.setAttribute("aria-label", title.textContent);
  if (one.out) group.removeAttribute("tabindex");
}

// From the owner to whoever was shown it, bent towards the memory that they share.
function drawArrow(leak, count, radius) {
  const key = `${leak.user} ${leak.owner}`;
  let arrow = drawn.arrows.get(key);
  if (!arrow) {
    arrow = { group: svg("g"), op: 0 };
    arrow.group.append(svg("path", { class: "line" }), svg("path", { class: "tip" }));
    document.getElementById("arrows").append(arrow.group);
    drawn.arrows.set(key, arrow);
  }
  if (leak.op > arrow.op) {
    arrow.op = leak.op;
    arrow.group.setAttribute("class", drawn.before ? "arrow fresh" : "arrow");
    setTimeout(() => { if (arrow.op === leak.op) arrow.group.setAttribute("class", "arrow"); }, 3000);
  }
  const [line, tip] = arrow.group.children, colour = wall.people[leak.owner].colour;
  const from = place(leak.owner, count), to = place(leak.user, count);
  const midX = (from.x + to.x) / 4 + WIDE / 4, midY = (from.y + to.y) / 4 + HIGH / 4;
  const out = Math.atan2(midY - from.y, midX - from.x), angle = Math.atan2(to.y - midY, to.x - midX);
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)], gap = radius + 5, long = 20, half = 9;
  const [endX, endY] = [to.x - dx * gap, to.y - dy * gap], [footX, footY] = [endX - dx * long, endY - dy * long];
  line.setAttribute("stroke", colour);
  line.setAttribute("d", `M${from.x + Math.cos(out) * gap} ${from.y + Math.sin(out) * gap}Q${midX} ${midY} ${footX} ${footY}`);
  tip.setAttribute("fill", colour);
  tip.setAttribute("d", `M${endX} ${endY}L${footX - dy * half} ${footY + dx * half}L${footX + dy * half} ${footY - dx * half}z`);
}

// Within the page, the keys of presenter mode are the page's.
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || window.parent === window || event.target.closest("button, input, [role=button]")) return;
  const { key, code: place, keyCode, which } = event;
  event.preventDefault();
  window.parent.document.dispatchEvent(new window.parent.KeyboardEvent("keydown", { key, code: place, keyCode, which, bubbles: true }));
  window.parent.document.dispatchEvent(new window.parent.KeyboardEvent("keyup", { key, code: place, keyCode, which, bubbles: true }));
});

// Whoever disturbs is sent out: their phone is not heard any more.
let chosen = null;
function choose(number) {
  const one = wall.people[number];
  if (wall.ended || one.out) return;
  chosen = number;
  $("whom").textContent = `${one.name} is in the room.`;
  $("out").textContent = `Send ${one.name} out`;
  $("person").showModal();
}
$("person").addEventListener("close", async () => {
  const number = chosen;
  chosen = null;
  if ($("person").returnValue !== "out" || number === null) return;
  try { await call("out", { number }); } catch (error) { $("sentence").textContent = error.message; }
});

async function change(side) {
  if (wall === null || wall.ended || wall.memory.name === wall.choices[side].name) return;
  try { await call("switch", { memory: wall.choices[side].name }); } catch (error) { $("sentence").textContent = error.message; }
}

for (const side of ["wrong", "right"]) $(side).addEventListener("click", () => change(side));
document.title = `${code} · Crosswire`;
listen();
