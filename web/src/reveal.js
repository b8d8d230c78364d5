// A masked name or phone, and the button that shows it: on purpose, and on record.
import { send } from "./api.js";
import { fill, h } from "./dom.js";

/** The text, with 显示 beside it for a reader who may; where room is short, `inline`, the text is the button. */
export function masked(text, what, may, inline = false) {
  if (!may) return text;
  const place = h("span", {});
  const title = "显示原文；这次查看会记入审计";
  const show = inline ? h("button", { type: "button", class: "reveal", title, "aria-label": `显示 ${text}` }, text) : h("button", { type: "button", class: "text reveal", title }, "显示");
  show.addEventListener("click", async () => {
    show.disabled = true;
    try {
      const { value } = await send("POST", "/api/reveal", what);
      fill(place, Array.isArray(value) ? value.join("、") : value || "已没有登记");
    } catch (error) {
      fill(place, text, " ", h("span", { class: "quiet", role: "alert" }, error.message));
    }
  });
  return inline ? fill(place, show) : fill(place, text, " ", show);
}

/** A command post's value; a masked one with its 显示. */
export function ofPost(post, field, may, inline = false) {
  if (!(post.masked || []).includes(field)) return post[field];
  return masked(post[field], { layer: "command_posts", id: post.id, field }, may, inline);
}
