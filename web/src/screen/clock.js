// The clock runs by the server's time: a wall's own may be minutes off.
import { clockText, dateText, weekdayText } from "./said.js";

let offset = 0;

export function setServerTime(text) {
  const told = new Date(text).getTime();
  if (!Number.isNaN(told)) offset = told - Date.now();
}

export const serverNow = () => new Date(Date.now() + offset);

export function startClock({ clock, day }) {
  const tick = () => {
    const now = serverNow();
    clock.textContent = clockText(now);
    const said = `${dateText(now)}　${weekdayText(now)}`;
    if (day.textContent !== said) day.textContent = said;
    setTimeout(tick, 1000 - (now.getTime() % 1000));
  };
  tick();
}
