// The rotation plan: view after view, until a hand is on the map or something else has the floor.
const PAUSE_MS = 180_000;
const LOOK_MS = 1000;

export class Rotation {
  constructor(steps, { show, said, held }) {
    Object.assign(this, { steps, show, said, held });
    this.at = -1;
    this.words = "";
  }

  next() {
    clearTimeout(this.timer);
    if (!this.steps.length) return;
    if (this.held()) {
      this.say("轮播等待");
      this.timer = setTimeout(() => this.next(), LOOK_MS);
      return;
    }
    this.at = (this.at + 1) % this.steps.length;
    const { view, seconds } = this.steps[this.at];
    this.show(view);
    this.say(`轮播 ${this.at + 1}/${this.steps.length}`);
    this.timer = setTimeout(() => this.next(), seconds * 1000);
  }

  /** A key chose a view: the plan waits, then goes on. */
  pause() {
    if (!this.steps.length) return;
    clearTimeout(this.timer);
    this.say("轮播暂停 3 分钟");
    this.timer = setTimeout(() => this.next(), PAUSE_MS);
  }

  say(words) {
    this.words = words;
    this.said();
  }
}
