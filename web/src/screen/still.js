// A pointer that nobody moves stands on no wall.
const STILL_MS = 8000;

export function hideStillPointer() {
  const { classList } = document.body;
  let timer = 0;
  const moved = () => {
    clearTimeout(timer);
    classList.remove("still");
    timer = setTimeout(() => classList.add("still"), STILL_MS);
  };
  document.addEventListener("mousemove", moved, { passive: true });
  moved();
}
