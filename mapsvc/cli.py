"""Commands: `mapsvc --help`."""

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn

from mapsvc import (
    access,
    backup,
    cli_users,
    demo,
    features,
    ground,
    logins,
    logs,
    offline,
    record,
    regions,
)
from mapsvc.console import ready, refuse, run, told
from mapsvc.database import Db, libpq
from mapsvc.ingest import uploads
from mapsvc.roads import loading, osm, rules
from mapsvc.settings import Settings
from mapsvc.symbols import symbol_set

app = typer.Typer(
    help="一网四图：县乡应急风险地图服务",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
regions_app = typer.Typer(help="行政区", no_args_is_help=True)
roads_app = typer.Typer(help="路网", no_args_is_help=True)
audit_app = typer.Typer(help="审计记录", no_args_is_help=True)
export_app = typer.Typer(help="导出", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
app.add_typer(export_app, name="export")
app.add_typer(regions_app, name="regions")
app.add_typer(roads_app, name="roads")
app.add_typer(cli_users.app, name="user")

Port = Annotated[int, typer.Option(min=1, max=65535)]


@app.command()
def init() -> None:
    """建立或升级数据库。"""
    with ready() as (settings, catalog, conninfo):
        _login(settings, conninfo)
        typer.echo(f"数据库已就绪，图层：{'、'.join(x.title for x in catalog)}。")


@app.command()
def serve(host: str = "127.0.0.1", port: Port = 8000, workers: int = 1) -> None:
    """启动服务。"""
    with ready() as (settings, _, conninfo):
        if not run(conninfo, access.any_account):
            code = os.environ["MAPSVC_FIRST_CODE"] = access.made(3)
            typer.echo(f"还没有账号。请打开 http://{host}:{port}/setup 建立系统管理员，")
            typer.echo(f"一次性代码：{code}　（或运行 mapsvc user add 用户名 --role admin）")
        _serve(settings, conninfo, host, port, workers)


@app.command(name="demo")
def demo_service(host: str = "127.0.0.1", port: Port = 8000) -> None:
    """载入演示县（如尚未载入）并启动服务。"""
    # Its passwords are printed at every start and are nobody's own: they do not grow old.
    os.environ.setdefault("MAPSVC_PASSWORD_DAYS", "0")
    with ready() as (settings, catalog, conninfo):
        run(conninfo, lambda db: demo.load(db, catalog, typer.echo))
        chosen = settings.demo_password
        password = chosen.get_secret_value() if chosen else None
        passwords = demo.remembered(settings.home)
        known = run(conninfo, lambda db: demo.accounts(db, passwords, password))
        demo.remember(settings.home, passwords)
        typer.echo(f"\n演示数据　地址：http://{host}:{port}\n账号与密码：")
        for username, secret, title in known:
            typer.echo(f"  {username:<16} {secret:<16} {title}")
        typer.echo("按 Ctrl-C 停止。\n")
        _serve(settings, conninfo, host, port, 1)


@app.command(name="demo-data")
def demo_data() -> None:
    """载入演示县：虚构的青岚县。"""
    with ready() as (_, catalog, conninfo):
        run(conninfo, lambda db: demo.load(db, catalog, typer.echo))


@regions_app.command(name="load")
def regions_load(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    name_field: str | None = None,
    code_field: str | None = None,
    level: str | None = None,
    parent: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
) -> None:
    """从 GIS 文件（含 zip）载入行政区边界，并重新划定点位所属区域。"""
    with ready() as (_, _catalog, conninfo):
        found = regions.read(
            file,
            name_field=name_field,
            code_field=code_field,
            level=level,
            parent=parent,
            crs=crs,
            encoding=encoding,
        )

        async def work(db: Db) -> int:
            async with db.transaction():
                await regions.load(db, found, source=file.name)
                return await features.reassign(db, actor="regions load")

        moved = run(conninfo, work)
        typer.echo(f"已载入 {len(found)} 个行政区；{moved} 个点位的所属区域有变化。")


@roads_app.command(name="load")
def roads_load(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """从 OpenStreetMap 数据载入路网和底图道路，替换原有的。"""
    with ready() as (_, _catalog, conninfo):
        drawn = osm.read(file)

        async def work(db: Db) -> dict[str, Any]:
            async with db.transaction():
                report = await loading.load(
                    db, drawn, source=file.name, actor=os.environ.get("USER", "cli")
                )
                await ground.replace(db, ["road"], loading.base_map(drawn))
            return report

        for line in loading.told(run(conninfo, work)):
            typer.echo(line)


@roads_app.command(name="rules")
def roads_rules(
    values: Annotated[list[str] | None, typer.Argument(help="如 rain=1.5 truck_height=4")] = None,
) -> None:
    """查看或修改车速、货车限制、夜间和雨天用时等规则。"""
    with ready() as (_, _catalog, conninfo):
        wanted = {}
        for value in values or []:
            name, _, number = value.partition("=")
            try:
                wanted[name.strip()] = float(number)
            except ValueError:
                refuse(f"“{value}”应写成 名称=数值，例如 rain=1.5。")
        for rule, amount, title in rules.table(run(conninfo, lambda db: rules.change(db, wanted))):
            typer.echo(f"{rule:<16}{amount:>8g}　{title}")
        if wanted.keys() - rules.ON_THE_ROAD:
            typer.echo("车速和货车限制在载入路网时使用，请重新运行 mapsvc roads load。")


@app.command()
def upload(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    layer: Annotated[str, typer.Option(help="图层；auto 由系统识别")] = "auto",
    crs: str = "auto",
    region: str | None = None,
    apply: Annotated[bool, typer.Option("--apply", help="检查后直接入库")] = False,
) -> None:
    """上报一个文件，与网页上报走同一条路；打印结果。"""
    with ready() as (settings, catalog, conninfo):

        async def work(db: Db) -> dict[str, Any]:
            staged = await uploads.stage(
                db,
                catalog,
                settings,
                filename=file.name,
                content=file.read_bytes(),
                layer_id=layer,
                declared_crs=crs,
                region_code=region,
                actor=os.environ.get("USER", "cli"),
            )
            if apply:
                done = await uploads.apply(
                    db,
                    catalog,
                    staged["id"],
                    mode="valid_rows",
                    delete_missing=False,
                    actor=os.environ.get("USER", "cli"),
                )
                staged |= done
            return staged

        _print_report(run(conninfo, work))


def _print_report(report: dict[str, Any]) -> None:
    names = {
        "rows": "行数",
        "accepted": "可用",
        "rejected": "退回",
        "new": "新增",
        "changed": "修改",
        "moved": "移动",
        "unchanged": "未变",
        "skipped": "略过",
        "missing": "文件中没有",
    }
    counts = report["counts"]
    typer.echo(
        f"上报 {report['id']}　图层 {report['layer']}　状态 {report['status']}"
        f"　坐标系 {report['crs']['used'] or '未定'}"
    )
    typer.echo("　".join(f"{title} {counts[key]}" for key, title in names.items() if key in counts))
    for p in report["problems"]:
        where = f"{p['sheet']} 第 {p['row']} 行" if p["row"] else (p["sheet"] or "文件")
        typer.echo(f"  {where}　{p['column'] or ''}　{p['message']}")


@export_app.command(name="map")
def export_map(
    file: Annotated[Path, typer.Argument(dir_okay=False)],
    personal: Annotated[
        bool, typer.Option("--personal", help="含姓名、手机原文；缺省隐去")
    ] = False,
) -> None:
    """导出离线地图：一个 HTML 文件，含全部图层、底图和程序，可从 U 盘直接打开。"""
    with ready() as (settings, catalog, conninfo):
        symbols = symbol_set(settings, catalog)
        done = run(
            conninfo,
            lambda db: offline.whole_map(db, catalog, settings, symbols, personal=personal),
        )
        try:
            file.write_bytes(done.html)
        except OSError as refused:
            refuse(f"无法写入 {file}：{refused.strerror}。请换一个位置。")
        if personal:
            run(conninfo, lambda db: record.write(db, "personal.exported", subject=file.name))
        counts = "　".join(f"{x.title} {done.counts[x.id]}" for x in catalog)
        typer.echo(f"已导出 {file}，{len(done.html) / 1_000_000:.1f} MB。")
        typer.echo(f"{counts}　底图到第 {done.ground_zoom} 级，更近时放大显示。")
        typer.echo("包含个人信息，请妥善保管。" if personal else "姓名、电话已隐去。")


@app.command(name="backup")
def make_backup(
    file: Annotated[Path, typer.Argument(help="新文件；或已有的文件夹，按时间取名")],
    keep: Annotated[int | None, typer.Option(min=1, help="文件夹中只留最新的几份")] = None,
) -> None:
    """备份全部数据、历史、上报原件和图层文件；服务可以照常运行。"""
    if keep and not file.is_dir():
        refuse(f"没有文件夹 {file}；--keep 只用于文件夹。请先建立：mkdir -p {file}")
    with ready() as (settings, _, conninfo):
        made, manifest = backup.make(conninfo, settings.layers, file)
        size = made.stat().st_size / 1_000_000
        told = {
            "folder": str(made.parent.resolve()),
            "bytes": made.stat().st_size,
            "rows": manifest.census.rows,
            "keep": keep,
        }
        run(conninfo, lambda db: record.write(db, "backup.made", subject=made.name, new=told))
        typer.echo(f"已备份到 {made}，{size:.1f} MB，{manifest.census.rows:,} 行，已核对。")
        typer.echo("备份含个人信息，没有加密，请妥善保管，并另存一份到别的机器。")
        for old in backup.retire(made.parent, keep) if keep else []:
            typer.echo(f"已删除旧备份 {old.name}。")


@app.command(name="restore")
def restore_backup(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    drill: Annotated[
        bool, typer.Option("--drill", help="只演练：恢复到旁边、核对、再删除")
    ] = False,
    layers: Annotated[Path | None, typer.Option(help="把备份中的图层文件解到这个空文件夹")] = None,
    discard: Annotated[bool, typer.Option("--discard", help="不保留恢复之前的数据")] = False,
) -> None:
    """从备份恢复全部数据；逐表核对无误后才替换现有数据。请先停止服务。"""
    with ready() as (_, catalog, conninfo):
        if layers:
            written = backup.unpack_layers(file, layers)
            typer.echo(f"已解出 {len(written)} 个图层文件到 {layers}。")
        if drill:
            manifest = backup.drill(conninfo, file)
            run(conninfo, lambda db: record.write(db, "backup.drilled", subject=file.name))
            typer.echo(f"演练通过：{manifest.census.rows:,} 行全部一致。现有数据没有改动。")
            return
        done = backup.restore(conninfo, catalog, file, keep=not discard)
        run(conninfo, lambda db: record.write(db, "backup.restored", subject=file.name))
        when = done.manifest.made_at.astimezone()
        typer.echo(
            f"已恢复到 {when:%Y年%m月%d日 %H:%M}：{done.manifest.census.rows:,} 行全部一致。"
        )
        typer.echo("所有人需要重新登录。")
        if done.previous:
            typer.echo(f"恢复之前的数据保留在数据库 {done.previous} 中。")


@audit_app.command(name="verify")
def audit_verify(
    file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="导出的文件；缺省校验数据库")
    ] = None,
) -> None:
    """校验审计记录：逐条核对，指出第一条被改动或缺失的；不通过时退出码为 1。"""
    if file is not None:
        with told():
            verdict = record.verify_file(file)
    else:
        with ready() as (_, _catalog, conninfo):
            verdict = run(conninfo, record.verify_on_record)
    if not verdict.holds:
        refuse(f"{verdict.reason}。此前的 {verdict.entries} 条完好。请保留现场并报告。")
    typer.echo(f"审计记录完好：共 {verdict.entries} 条，最新一条的校验值 {verdict.newest}。")


@audit_app.command(name="export")
def audit_export(file: Annotated[Path, typer.Argument(dir_okay=False)]) -> None:
    """导出全部审计记录，每行一条，可用 mapsvc audit verify FILE 校验；含个人信息原文。"""
    with ready() as (_, _catalog, conninfo):
        try:
            many = run(conninfo, lambda db: record.export(db, file))
        except OSError as refused:
            refuse(f"无法写入 {file}：{refused.strerror}。请换一个位置。")
        typer.echo(f"已导出 {many} 条到 {file}。其中有姓名、电话的原文，请妥善保管。")


@audit_app.command(name="prune")
def audit_prune(
    keep_months: Annotated[int, typer.Option(help="保留多少个月，不少于 6")],
) -> None:
    """清理到期的审计记录；留下的仍可校验。"""
    with ready() as (_, _catalog, conninfo):
        gone = run(conninfo, lambda db: record.prune(db, keep_months))
        typer.echo(f"已清理 {gone} 条。" if gone else "没有到期的记录。")


@app.command(name="token")
def token(name: str) -> None:
    """打印账号的访问令牌（Bearer）。"""
    cli_users.print_token(name)


def _allow_many_streams() -> None:
    """Every open wall is an open file; shells allow 1,024 unless asked."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _login(settings: Settings, conninfo: str) -> str:
    """The conninfo of the service's own login, or of the owner's where there can be none."""
    way = logins.way(conninfo, settings.service_url and libpq(settings.service_url))
    if way.why:
        typer.echo(f"提示：服务将以数据表属主的账号登录数据库。{way.why}。", err=True)
        typer.echo("　　　如何另建一个登录，见 docs/install.md“使用已有的 PostGIS”。", err=True)
    return way.conninfo


def _serve(settings: Settings, conninfo: str, host: str, port: int, workers: int) -> None:
    logs.configure(settings.log_format)
    _allow_many_streams()
    # What serves, worker processes too, finds the database here and knows no owner's address; the
    # embedded cluster stays this process's charge.
    os.environ["MAPSVC_DATABASE_URL"] = _login(settings, conninfo)
    with _counting_together(workers):
        _run_server(settings.proxies, host, port, workers)


@contextmanager
def _counting_together(workers: int) -> Iterator[None]:
    """Several workers add up their metrics in a folder; they read its name when they start."""
    if workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="mapsvc-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _run_server(proxies: str, host: str, port: int, workers: int) -> None:
    uvicorn.run(
        "mapsvc.main:from_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        log_level="warning",
        access_log=False,
        # Addresses on record, waits after wrong passwords and Secure cookies rest on these.
        forwarded_allow_ips=proxies,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    app()
