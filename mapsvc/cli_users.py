"""Commands for accounts and walls: `mapsvc user --help`."""

import sys
from typing import Annotated

import typer

from mapsvc import access, regions
from mapsvc.console import ready, run
from mapsvc.database import Db
from mapsvc.errors import NotFound

app = typer.Typer(help="账号", no_args_is_help=True)
kiosk_app = typer.Typer(help="大屏令牌", no_args_is_help=True)
app.add_typer(kiosk_app, name="kiosk")

Roles = Annotated[list[str], typer.Option("--role", help=f"{'、'.join(access.ROLES)}；可写多次")]
Region = Annotated[str | None, typer.Option("--region", help="乡镇账号的区域代码")]


@app.command(name="add")
def add(username: str, role: Roles, region: Region = None) -> None:
    """新建账号，或为已有账号重新设定密码、角色和区域；密码从提示或标准输入读取。"""
    password = typer.prompt("密码", hide_input=sys.stdin.isatty())
    with ready() as (settings, _catalog, conninfo):

        async def work(db: Db) -> None:
            await _require_region(db, region)
            if await access.find_account(db, username) is None:
                access.require_name(username)
            await access.require_good(settings, username, password)
            await access.add_account(db, username, password, role, region)

        run(conninfo, work)
        typer.echo(f"账号 {username}（{'、'.join(access.ROLES[r] for r in role)}）已可使用。")


async def _require_region(db: Db, region: str | None) -> None:
    if region is not None:
        await regions.require(db, region)


@app.command(name="list")
def listed() -> None:
    """列出账号。"""
    with ready() as (_, _catalog, conninfo):
        for who in run(conninfo, access.listed):
            state = "已停用" if who["locked"] else "待改密码" if who["must_change"] else ""
            last = (who["signed_in_at"] or "从未登录")[:16].replace("T", " ")
            place = who["region_name"] or ""
            typer.echo(f"{who['username']:<20} {last:<18}{who['role_title']}　{place}　{state}")


@app.command(name="roles")
def roles(username: str, role: Roles, region: Region = None) -> None:
    """改为这些角色。"""
    with ready() as (_, _catalog, conninfo):

        async def work(db: Db) -> None:
            await _require_region(db, region)
            await access.change(db, username, roles=role, region_code=region)

        run(conninfo, work)
        typer.echo(f"账号 {username} 的角色：{'、'.join(access.ROLES[r] for r in role)}。")


@app.command(name="reset")
def reset(username: str) -> None:
    """重设密码：打印一个一次性密码，登录后必须更换。"""
    with ready() as (_, _catalog, conninfo):
        password = run(conninfo, lambda db: access.reset(db, username))
        typer.echo(f"{username} 的一次性密码：{password}　登录后必须更换。")


@app.command(name="lock")
def lock(username: str) -> None:
    """停用账号：不能登录，已有的登录全部退出。"""
    with ready() as (_, _catalog, conninfo):
        run(conninfo, lambda db: access.change(db, username, locked=True))
        typer.echo(f"账号 {username} 已停用。")


@app.command(name="unlock")
def unlock(username: str) -> None:
    """恢复停用的账号。"""
    with ready() as (_, _catalog, conninfo):
        run(conninfo, lambda db: access.change(db, username, locked=False))
        typer.echo(f"账号 {username} 已恢复。")


@app.command(name="sign-out")
def sign_out(username: str) -> None:
    """退出账号在各处的登录和访问令牌。"""
    with ready() as (settings, _catalog, conninfo):
        ended = run(conninfo, lambda db: access.Sessions(settings).end_all(db, username))
        typer.echo(f"已退出 {ended} 个登录。")


def print_token(name: str) -> None:
    with ready() as (settings, _, conninfo):

        async def work(db: Db) -> str:
            if await access.find_account(db, name) is None:
                raise NotFound(f"没有账号 {name}，请先运行 mapsvc user add。")
            return await access.Sessions(settings).open(db, name)

        typer.echo(run(conninfo, work))


@app.command(name="token")
def token(name: str) -> None:
    """打印账号的访问令牌（Bearer）。"""
    print_token(name)


@kiosk_app.command(name="add")
def kiosk_add(name: str) -> None:
    """签发大屏令牌：打印大屏浏览器要打开的地址，只打印这一次。"""
    with ready() as (settings, _catalog, conninfo):
        made = run(conninfo, lambda db: access.add_kiosk(db, name, days=settings.kiosk_days))
        typer.echo(f"在大屏的浏览器里打开：http://本机地址:端口{access.kiosk_path(made)}")


@kiosk_app.command(name="list")
def kiosk_list() -> None:
    """列出大屏令牌和最近使用。"""
    with ready() as (_, _catalog, conninfo):
        for k in run(conninfo, access.kiosks):
            used = f"{k['used_at'][:16].replace('T', ' ')} {k['used_from']}" if k["used_at"] else ""
            typer.echo(
                f"{k['id']:>4} {k['name']}　有效期至 {k['expires_at'][:10]}　{used or '没有用过'}"
            )


@kiosk_app.command(name="revoke")
def kiosk_revoke(number: int) -> None:
    """收回大屏令牌（编号见 list）；用它打开的大屏随即退出。"""
    with ready() as (_, _catalog, conninfo):
        name = run(conninfo, lambda db: access.remove_kiosk(db, number))
        typer.echo(f"“{name}”的令牌已收回。")
