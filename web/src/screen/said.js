// Times as a wall says them.

const two = (n) => String(n).padStart(2, "0");
const DAYS = "日一二三四五六";

export const clockText = (date) => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
export const minuteText = (date) => `${two(date.getHours())}:${two(date.getMinutes())}`;
export const dateText = (date) => `${date.getFullYear()}年${date.getMonth() + 1}月${date.getDate()}日`;
export const weekdayText = (date) => `星期${DAYS[date.getDay()]}`;

const sameDay = (a, b) => a.toDateString() === b.toDateString();

/** The time of a figure: the hour today, the day and hour before. */
export function dataTime(text, now = new Date()) {
  if (!text) return "—";
  const date = text instanceof Date ? text : new Date(text);
  if (Number.isNaN(date.getTime())) return "—";
  return sameDay(date, now) ? minuteText(date) : `${date.getMonth() + 1}月${date.getDate()}日 ${minuteText(date)}`;
}

/** A moment of the past, in full. */
export const momentText = (date) => `${dateText(date)} ${minuteText(date)}`;

export function ago(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} 秒`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} 分钟` : `${Math.floor(minutes / 60)} 小时 ${minutes % 60} 分`;
}
