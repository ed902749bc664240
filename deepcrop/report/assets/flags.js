// Flags: badges with a short text, and one tooltip that explains whatever has the focus or a pointer.
function badges(bits) {
  return job.flags.filter((_, bit) => bits & (1 << bit)).map((flag) =>
    make("button", {
      class: flag.problem ? "badge problem" : "badge",
      text: flag.label,
      "aria-label": flag.text ? `${flag.label}: ${flag.text}` : flag.label,
      "data-tip": flag.text,
    }));
}

const tip = find("#tip");

function showTip(event) {
  const about = event.target.closest?.("[data-tip]");
  if (!about?.dataset.tip) return;
  tip.textContent = about.dataset.tip;
  tip.showPopover(); // into the top layer: an open dialog is below it
  const { left, top, bottom } = about.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const room = document.documentElement.clientWidth - width - 8;
  tip.style.left = `${clamp(left, 8, Math.max(8, room))}px`;
  tip.style.top = `${bottom + 6 + height > innerHeight ? top - 6 - height : bottom + 6}px`;
}

function hideTip() {
  if (tip.matches(":popover-open")) tip.hidePopover();
}

function setUpTips() {
  for (const kind of ["pointerover", "focusin", "click"]) document.addEventListener(kind, showTip);
  for (const kind of ["pointerout", "focusout"]) document.addEventListener(kind, hideTip);
  addEventListener("scroll", hideTip, true);
}
