/* The keyboard: letters make steps, with Shift they cancel a turn. What is typed into a field belongs to the field. */

const FIELDS = "input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true], [role=combobox], [role=dialog] *";

export function listen(act, mine) {
  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !mine()) return;
    const target = event.composedPath()[0];
    if (target instanceof Element && target.matches(FIELDS)) return;
    const what = meaning(event, target);
    if (!what) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act(...what);
  };
  window.addEventListener("keydown", pressed, true);
  return () => window.removeEventListener("keydown", pressed, true);
}

function meaning(event, target) {
  if (/^[a-e]$/i.test(event.key)) return ["press", event.shiftKey ? event.key.toLowerCase() : event.key.toUpperCase()];
  const free = target === document.body || target === document.documentElement;
  switch (event.key) {
    case "u": case "Backspace": return ["undo"];
    case "r": return ["restart"];
    case "p": return ["play"];
    case " ": return free ? ["play"] : undefined;
    case "ArrowLeft": return free ? ["by", -1] : undefined;
    case "ArrowRight": return free ? ["by", 1] : undefined;
    case "Home": return free ? ["at", 0] : undefined;
    case "End": return free ? ["at", Infinity] : undefined;
  }
  return undefined;
}
