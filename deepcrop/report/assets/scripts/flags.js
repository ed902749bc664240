// Flags: badges with a short text, and one tooltip that explains the one under the pointer or focus.
define("flags", ["job", "dom", "boxes"], (job, { find, make }, { clamp }) => {
  const tip = find("#tip");

  // The badges of the flags whose bits are set.
  function badges(bits) {
    return job.flags.filter((_, bit) => bits & (1 << bit)).map((flag) =>
      make("button", {
        class: flag.problem ? "badge problem" : "badge",
        text: flag.label,
        "aria-label": flag.text ? `${flag.label}: ${flag.text}` : flag.label,
        "data-tip": flag.text,
      }));
  }

  function showTip(event) {
    const about = event.target.closest?.("[data-tip]");
    if (!about?.dataset.tip) return;
    tip.textContent = about.dataset.tip;
    tip.showPopover(); // in the top layer, above an open dialog
    const { left, top, bottom } = about.getBoundingClientRect();
    const { width, height } = tip.getBoundingClientRect();
    const room = document.documentElement.clientWidth - width - 8;
    tip.style.left = `${clamp(left, 8, Math.max(8, room))}px`;
    tip.style.top = `${bottom + 6 + height > innerHeight ? top - 6 - height : bottom + 6}px`;
  }

  function hideTip() {
    if (tip.matches(":popover-open")) tip.hidePopover();
  }

  function setUp() {
    for (const kind of ["pointerover", "focusin", "click"]) document.addEventListener(kind, showTip);
    for (const kind of ["pointerout", "focusout"]) document.addEventListener(kind, hideTip);
    addEventListener("scroll", hideTip, true);
  }

  return { badges, hideTip, setUp };
});
