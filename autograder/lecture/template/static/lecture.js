// Slides: one is shown, the address says which; arrow keys and PageUp, PageDown step.
(() => {
  const slides = [...document.querySelectorAll(".slide")];
  const at = () => Math.max(0, slides.findIndex((slide) => `#${slide.id}` === location.hash));
  const show = () => {
    const now = at();
    slides.forEach((slide, i) => { slide.hidden = i !== now; });
    document.getElementById("where").textContent = now ? `${now} of ${slides.length - 1}` : "";
    document.getElementById("back").disabled = now === 0;
    document.getElementById("on").disabled = now === slides.length - 1;
    document.title = slides[now].querySelector("h1").textContent;
    scrollTo(0, 0);
  };
  const go = (to) => {
    if (!slides[to]) return;
    location.hash = slides[to].id;
    show();
  };
  const full = () => (document.fullscreenElement ? document.exitFullscreen()
    : document.documentElement.requestFullscreen());
  const keys = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (keys[event.key]) {
      event.preventDefault();
      go(at() + keys[event.key]);
    } else if (event.key === "Escape") document.activeElement?.blur();
    else if (event.key === "f" || event.key === "F") full();
    else if (event.key === "Home") go(0);
  });
  addEventListener("hashchange", show);
  document.getElementById("back").onclick = () => go(at() - 1);
  document.getElementById("on").onclick = () => go(at() + 1);
  document.getElementById("full").onclick = full;
  show();
})();
