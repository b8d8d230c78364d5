// Sends a file with its progress; fetch cannot tell how much has left the machine.
import { Problem, Unreachable, signIn } from "./api.js";

export class Stopped extends Error {}

/** Can the file still be read? Saving it in Excel after choosing makes the choice stale. */
export async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch (error) {
    return false;
  }
}

/** → {done: Promise of the staged upload, stop()}; `sent` hears 0..1 while the file leaves. */
export function post(url, data, sent) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", url);
    request.setRequestHeader("X-Requested-With", "mapsvc");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) sent(event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => sent(1));
    request.addEventListener("abort", () => reject(new Stopped()));
    request.addEventListener("error", () => reject(new Unreachable()));
    request.addEventListener("load", () => {
      if (request.status === 401) return signIn();
      const body = parsed(request.responseText);
      return request.status < 300 ? resolve(body) : reject(new Problem(request.status, body));
    });
    request.send(data);
  });
  return { done, stop: () => request.abort() };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    return {};
  }
}

/** The form of a POST /api/uploads. */
export function packed(file, { layer, crs, region }) {
  const data = new FormData();
  data.append("file", file, file.name);
  data.append("layer", layer);
  data.append("crs", crs);
  if (region) data.append("region", region);
  return data;
}

/** Stages a file; `hear({phase, share})` is told how it goes. Errors have Chinese words. */
export async function stage(file, choice, hear, started = () => {}) {
  if (!(await readable(file)))
    throw new Error("这个文件选好之后又被保存、移动或删除过，浏览器读不到了。请重新选择一次。");
  hear({ phase: "sending", share: 0 });
  const sending = post("/api/uploads", packed(file, choice), (share) =>
    hear(share < 1 ? { phase: "sending", share } : { phase: "checking" }),
  );
  started(sending.stop);
  try {
    return await sending.done;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    const kept = await readable(file);
    throw new Error(
      kept
        ? "文件没有传完，与服务器的连接断开了。数据没有任何改动，请稍后再点一次。"
        : "文件正在传送时被保存或移动了。请关闭它，重新选择一次。",
    );
  }
}
