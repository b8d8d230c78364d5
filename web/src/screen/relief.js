// The relief picture for each theme; a dark one is made once.
let dark = null;

/** `worker`: the address of darken.js; gives the address of a picture. */
export function reliefFor(theme, url, worker) {
  if (theme === "light") return Promise.resolve(url);
  dark =
    dark ||
    darkened(url, worker).catch((error) => {
      dark = null;
      throw error;
    });
  return dark;
}

function darkened(url, address) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(address);
    const fail = (why) => reject(new Error(`地形图没有读到：${why}`));
    worker.onmessage = ({ data: { blob, error } }) => {
      worker.terminate();
      if (blob) resolve(URL.createObjectURL(blob));
      else fail(error);
    };
    worker.onerror = ({ message }) => fail(message);
    worker.postMessage(url);
  });
}
