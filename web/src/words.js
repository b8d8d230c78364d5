// How numbers, times and directions are said.

const WINDS = ["北", "东北", "东", "东南", "南", "西南", "西", "西北"];

export const GRADES = { 1: "重大", 2: "较大", 3: "一般", 4: "低" };

const DIGITS = new Intl.NumberFormat("zh-CN");

export const number = (value) => DIGITS.format(value);

export function distance(metres) {
  if (metres < 1000) return `${Math.round(metres)} 米`;
  return `${(metres / 1000).toFixed(metres < 10000 ? 2 : 1)} 公里`;
}

export function bearing(degrees) {
  const turned = ((degrees % 360) + 360) % 360;
  return `${WINDS[Math.round(turned / 45) % 8]} ${Math.round(turned) % 360}°`;
}

export function age(days) {
  if (days === null || days === undefined) return "未核实";
  const whole = Math.floor(days);
  return whole < 1 ? "今天核实" : `${whole} 天前核实`;
}

const two = (n) => String(n).padStart(2, "0");

export function clock(date) {
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

export function moment(text) {
  if (!text) return "—";
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(date)}`;
}

export function day(text) {
  return text ? moment(text).slice(0, 10) : "—";
}

export const degrees = (value) => value.toFixed(6);
