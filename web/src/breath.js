// Long work in short pieces, so that the page goes on drawing and hearing.

/** Ends the task: what waits has its turn before the next piece. */
export const breath = () => new Promise((resolve) => setTimeout(resolve, 0));

/** After the next picture; a page in the background has none and does not wait for one. */
export const nextPicture = () =>
  new Promise((resolve) => {
    const late = setTimeout(resolve, 100);
    requestAnimationFrame(() => {
      clearTimeout(late);
      setTimeout(resolve, 0);
    });
  });

/** Acts in order, so many a picture: what an act draws on a canvas is painted with the picture. */
export class Turns {
  constructor(each) {
    this.each = each;
    this.acts = [];
  }

  /** The promise of what `act` gives, once it has had its turn. */
  take(act) {
    return new Promise((resolve, reject) => {
      this.acts.push(() => {
        try {
          resolve(act());
        } catch (error) {
          reject(error);
        }
      });
      if (this.acts.length === 1) this._go();
    });
  }

  async _go() {
    for (let done = 1; this.acts.length; done++) {
      this.acts[0]();
      if (done % this.each === 0) await nextPicture();
      this.acts.shift();
    }
  }
}
