// Database, disks, backups and what is going on.
import { h } from "./dom.js";
import { at, bar, count, facts, part, size, unknown } from "./health_parts.js";

const versions = (db) => `PostgreSQL ${db.postgresql.split(" ")[0]}　PostGIS ${db.postgis}　pgRouting ${db.pgrouting || "没有安装"}`;

function chain(record) {
  if (!record) return null;
  const verified = record.verified_at ? `${at(record.verified_at)} 校验${record.holds ? "完好" : "没有通过"}` : "还没有校验过";
  return `${count(record.entries)} 条，${verified}`;
}

export function database(found) {
  const db = found.database;
  if (!db) return part(found, "database", "数据库", {}, h("p", { class: "quiet nothing" }, "连不上数据库。"));
  const matches = db.schema === db.schema_expected ? `${db.schema} 版，与程序一致` : `${db.schema} 版，程序需要 ${db.schema_expected} 版`;
  return part(
    found,
    "database",
    "数据库",
    {},
    facts(
      ["版本", versions(db)],
      ["大小", size(db.bytes)],
      ["结构", matches],
      ["连接", `${db.connections} / ${db.connections_most}`],
      ["最久的查询", db.oldest_s ? `${db.oldest_s.toFixed(db.oldest_s < 10 ? 1 : 0)} 秒` : "没有"],
      ["自动清理", db.unswept.length ? `没有跟上：${db.unswept.map((t) => t.table).join("、")}` : db.swept_at ? `正常，最近 ${at(db.swept_at)}` : "正常，还不需要"],
      ["启动于", at(db.started_at)],
      ["审计记录", chain(found.record)],
    ),
  );
}

function disk(one) {
  const free = `剩 ${size(one.free)}，共 ${size(one.total)}（可用 ${Math.round(one.share * 100)}%）`;
  return h("div", { class: "disk" }, h("p", {}, h("b", {}, one.titles.join("、")), h("span", {}, free)), bar(1 - one.share), h("p", { class: "quiet path" }, one.path));
}

export function storage(found) {
  const { originals, tiles } = found;
  return part(
    found,
    "storage",
    "存储空间",
    {},
    ...found.storage.map(disk),
    facts(
      ["上报原件", originals ? `${count(originals.count)} 个文件，连同明细共 ${size(originals.bytes)}` : null],
      ["瓦片缓存", `内存中 ${count(tiles.count)} 张，${size(tiles.bytes)}`],
    ),
  );
}

function due(timer) {
  if (!timer) return "本机没有 systemd，由您自己的计划任务决定";
  if (!timer.active) return "没有设置";
  return timer.next_at ? at(timer.next_at) : "已设置";
}

function newest(kept) {
  if (kept.age_h === null) return "还没有";
  const age = kept.age_h < 72 ? `${Math.round(kept.age_h)} 小时前` : `${Math.round(kept.age_h / 24)} 天前`;
  return `${at(kept.newest_at)}（${age}）${kept.bytes ? `，${size(kept.bytes)}` : ""}`;
}

function place(kept) {
  if (!kept.folder) return "不知道：做一次备份，或设置 MAPSVC_BACKUPS";
  return kept.readable ? `${kept.folder}，${count(kept.count)} 份` : `${kept.folder}（本服务读不到）`;
}

export function backups(found) {
  const kept = found.backups;
  return part(
    found,
    "backups",
    "备份",
    {},
    facts(
      ["最新一份", newest(kept)],
      ["核对", kept.age_h === null ? null : "制作时逐项核对，通过后才取正式文件名"],
      ["恢复演练", kept.drilled_at ? `${at(kept.drilled_at)} 通过` : "还没有做过"],
      ["下一次", due(kept.timer)],
      ["保留", kept.keep ? `最新的 ${kept.keep} 份` : "没有设定（--keep）"],
      ["放在", place(kept)],
    ),
  );
}

export function work(found) {
  const { uploads, parsers, streams, pool } = found.work;
  const waiting = uploads && (uploads.waiting ? `${count(uploads.waiting)} 次，最早 ${at(uploads.waiting_since)}` : "没有");
  return part(
    found,
    "work",
    "作业",
    {},
    uploads
      ? facts(
          ["放了一天未确认", waiting],
          ["近 7 天入库", `${count(uploads.applied)} 次，撤销 ${count(uploads.taken_back)} 次`],
          ["近 7 天退回", `${count(uploads.rejected_rows)} 行（${count(uploads.with_rejected)} 个文件）`],
          ["近 7 天读不了", `${count(uploads.refused)} 个文件`],
        )
      : unknown(),
    facts(
      ["正在解析", parsers ? `${count(parsers)} 个文件` : "没有"],
      ["实时连接", `${count(streams.here)} 个页面或大屏${streams.live ? "" : "，与数据库断开"}`],
      ["服务的数据库连接", `${pool.used} / ${pool.most}${pool.waiting ? `，${pool.waiting} 个请求在等` : ""}`],
    ),
  );
}
