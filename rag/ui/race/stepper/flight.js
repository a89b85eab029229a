/* Somebody's address on its way into another person's phone. */

const QUIET = matchMedia("(prefers-reduced-motion: reduce)");

export function fly(root, from, into, [text, owner]) {
  if (QUIET.matches || !from || from === into || !root.animate) return;
  const all = root.getBoundingClientRect();
  const start = from.getBoundingClientRect();
  const target = (into.querySelector("mark.foreign") || into).getBoundingClientRect();
  const card = document.createElement("div");
  card.className = "flying";
  card.textContent = text;
  card.setAttribute("aria-hidden", "true");
  card.style.setProperty("--own", `var(--own-${owner[0]})`);
  card.style.left = `${start.left - all.left + 16}px`;
  card.style.top = `${start.top - all.top + 48}px`;
  root.append(card);
  const move = `translate(${target.left - start.left - 16}px, ${target.top - start.top - 48}px)`;
  const flight = card.animate(
    [
      { transform: "none", opacity: 0 },
      { transform: "translateY(-14px) scale(1.15)", opacity: 1, offset: 0.25 },
      { transform: `${move} scale(1.1)`, opacity: 1, offset: 0.85 },
      { transform: move, opacity: 0 },
    ],
    { duration: 900, easing: "cubic-bezier(.5,0,.3,1)" },
  );
  flight.finished.then(() => card.remove(), () => card.remove());
  into.animate([{ boxShadow: "none" }, { boxShadow: `0 0 0 4px var(--wrong)`, offset: 0.85 }, { boxShadow: "none" }], { duration: 1500 });
}
