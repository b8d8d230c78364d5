// On paper: the light theme, on one sheet. Everything is in one unit, so a smaller unit is enough.

export function preparePrinting({ turnTheme, resize }) {
  let before = null;
  const { classList, dataset } = document.documentElement;
  window.addEventListener("beforeprint", () => {
    before = dataset.theme;
    classList.add("printing");
    resize(true);
    turnTheme("light");
  });
  window.addEventListener("afterprint", () => {
    classList.remove("printing");
    resize();
    turnTheme(before);
  });
}
