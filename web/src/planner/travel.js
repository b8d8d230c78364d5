// How one travels: vehicle, conditions. One choice for the whole page.
import { choice, field } from "./controls.js";

export const PROFILES = [["light", "轻型车"], ["truck", "载重货车"]];
export const CONDITIONS = [["day", "白天"], ["night", "夜间"], ["rain", "雨天"], ["night_rain", "雨夜"]];
export const DIRECTIONS = [["to", "赶来此处"], ["from", "从此处前往"]];

const known = (options, value, usual) => (options.some(([key]) => key === value) ? value : usual);
export const wordOf = (options, value) => (options.find(([key]) => key === value) || ["", ""])[1];

export class Travel {
  constructor() {
    this.profile = "light";
    this.conditions = "day";
    this.selects = [];
  }

  restore(said) {
    this.profile = known(PROFILES, said.get("profile"), "light");
    this.conditions = known(CONDITIONS, said.get("cond"), "day");
    this.show();
  }

  address() {
    return [
      ["profile", this.profile === "light" ? null : this.profile],
      ["cond", this.conditions === "day" ? null : this.conditions],
    ];
  }

  query() {
    return { profile: this.profile, conditions: this.conditions };
  }

  words() {
    return `${wordOf(PROFILES, this.profile)}，${wordOf(CONDITIONS, this.conditions)}`;
  }

  /** The two fields of one form; all forms stay in step. */
  fields(changed) {
    const pick = (name, options) => {
      const select = choice(options, this[name], (value) => {
        this[name] = value;
        this.show();
        changed();
      });
      this.selects.push([name, select]);
      return select;
    };
    return [field("车型", pick("profile", PROFILES)), field("条件", pick("conditions", CONDITIONS))];
  }

  show() {
    for (const [name, select] of this.selects) select.value = this[name];
  }
}

export function minutes(seconds) {
  const whole = Math.max(1, Math.round(seconds / 60));
  if (whole < 60) return `${whole} 分钟`;
  return `${Math.floor(whole / 60)} 时 ${String(whole % 60).padStart(2, "0")} 分`;
}
