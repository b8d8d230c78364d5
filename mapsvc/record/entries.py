"""Writing the record: one entry a deed, in the transaction of the deed."""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from mapsvc.database import Db

ACTIONS = {
    "session.opened": "登录",
    "session.refused": "登录失败",
    "session.delayed": "登录失败过多，暂缓登录",
    "session.closed": "退出登录",
    "session.closed_all": "退出全部登录",
    "token.issued": "签发令牌",
    "account.saved": "建立或修改账号",
    "account.changed": "修改账号的角色或停用",
    "account.reset": "重设密码",
    "account.password": "修改自己的密码",
    "totp.enabled": "启用动态口令",
    "totp.disabled": "停用动态口令",
    "totp.recovered": "用恢复码登录",
    "kiosk.issued": "签发大屏令牌",
    "kiosk.revoked": "收回大屏令牌",
    "feature.created": "新增要素",
    "feature.changed": "修改要素",
    "feature.deleted": "删除要素",
    "upload.staged": "上传文件",
    "upload.refused": "上传的文件无法读取",
    "upload.discarded": "放弃上传",
    "upload.applied": "上传入库",
    "upload.rolled_back": "撤销入库",
    "closure.created": "新设封路",
    "closure.changed": "修改封路",
    "closure.ended": "解除封路",
    "regions.loaded": "载入行政区",
    "features.reassigned": "重新划定所属区域",
    "roads.loaded": "载入路网",
    "roads.rules": "修改道路规则",
    "demo.loaded": "载入演示数据",
    "personal.revealed": "显示个人信息",
    "personal.exported": "导出个人信息",
    "record.exported": "导出审计记录",
    "record.pruned": "清理到期的审计记录",
    "record.verified": "校验审计记录",
    "backup.made": "备份全部数据",
    "backup.drilled": "恢复演练",
    "backup.restored": "从备份恢复",
    "database.write": "绕过程序直接改库",
}
"""Every action's stable id and what people call it. The last is written by the database itself."""


ROLE_TITLES = {
    "admin": "系统管理员",
    "county": "县级数据管理",
    "planner": "预案人员",
    "command": "指挥中心",
    "wall": "大屏",
    "township": "乡镇",
    "auditor": "审计员",
}
"""What people call the roles; `access` says what they may do."""


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose behalf the running task works: a person at an address, or a command at the host."""

    username: str
    roles: tuple[str, ...] = ()
    ip: str = ""
    request_id: str = ""


NOBODY = Asker("")
_asker: ContextVar[Asker] = ContextVar("asker", default=NOBODY)


def asking(who: Asker) -> None:
    """From here on in this task (a request, a command), entries are this person's."""
    _asker.set(who)


def asker() -> Asker:
    return _asker.get()


_WRITE = """
insert into audit_draft (username, roles, ip, request_id, action, layer, subject, region_code,
    old, new, upload_id, sha256)
values (%(username)s, %(roles)s, %(ip)s, %(request_id)s, %(action)s, %(layer)s, %(subject)s,
    %(region)s, %(old)s, %(new)s, %(upload)s, %(sha256)s)
"""


async def write(
    db: Db,
    action: str,
    *,
    layer: str | None = None,
    subject: str | int = "",
    region: str | None = None,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    upload: UUID | None = None,
    sha256: str | None = None,
    username: str | None = None,
    roles: Iterable[str] | None = None,
) -> None:
    """Put the deed on record, in the transaction that did it (or one of its own).

    `subject` says which thing: a feature's id, an account's name, a file's name. `old`, `new`: the
    values that the deed changed, personal ones in clear; they are masked when the record is read.
    `username` and `roles` only where the asker is not yet known, at sign-in.
    """
    assert action in ACTIONS, action
    who = asker()
    await db.execute(
        _WRITE,
        {
            "username": who.username if username is None else username,
            "roles": list(who.roles if roles is None else roles),
            "ip": who.ip,
            "request_id": who.request_id,
            "action": action,
            "layer": layer,
            "subject": str(subject),
            "region": region,
            "old": None if old is None else Jsonb(old),
            "new": None if new is None else Jsonb(new),
            "upload": upload,
            "sha256": sha256 or None,
        },
    )
