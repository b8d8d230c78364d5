"""The one table of rights: what each role may do. Everybody else asks `who.may(…)`.

An account holds a set of roles and may do what any of them may. To administer accounts is not to
edit data, and to read the record is neither: each is a role of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mapsvc import walls
from mapsvc.errors import Forbidden
from mapsvc.record import ROLE_TITLES

Role = Literal["admin", "county", "planner", "command", "wall", "township", "auditor"]
Right = Literal[
    "read",  # the layers, the map and every answer about them
    "edit",  # single features
    "upload",  # files, their change sets, taking them back
    "close_roads",
    "reads_personal",  # names and phones in clear; a township's only inside its own region
    "reveals",  # one masked value, deliberately and on record
    "manages_accounts",
    "reads_record",
    "backs_up",
    "reads_health",  # how the installation is: faults, storage, backups, who is late
]

ROLES: dict[str, str] = ROLE_TITLES
"""Every role and what people call it, in the order in which they are told."""

GRANTS: dict[str, frozenset[Right]] = {
    "admin": frozenset({"read", "manages_accounts", "backs_up", "reads_health"}),
    "county": frozenset(
        {
            *("read", "edit", "upload", "close_roads"),
            *("reads_personal", "reveals", "reads_health"),
        }
    ),
    "planner": frozenset({"read", "edit", "upload", "close_roads", "reveals"}),
    "command": frozenset({"read", "close_roads", "reveals"}),
    "wall": frozenset({"read"}),
    "township": frozenset({"read", "edit", "upload", "close_roads", "reads_personal"}),
    "auditor": frozenset({"reads_record"}),
}

_REFUSALS: dict[Right, str] = {
    "read": "不能查看业务数据",
    "edit": "只能查看，不能修改数据",
    "upload": "只能查看，不能上报数据",
    "close_roads": "不能封路",
    "reads_personal": "不能查看姓名、电话等个人信息",
    "reveals": "不能显示个人信息",
    "manages_accounts": "不能管理账号",
    "reads_record": "不能查看审计记录",
    "backs_up": "不能备份",
    "reads_health": "不能查看系统状态",
}

Debt = Literal["password", "totp"]
"""What an account must do at `/me` before anything else: a new password, a second factor."""

NOWHERE = ""
"""No region has this code: what is readable inside it is readable nowhere."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in person; a township account is bound to one region and those below it."""

    username: str
    roles: frozenset[str]
    region_code: str | None
    owes: Debt | None = None

    def may(self, right: Right) -> bool:
        return any(right in GRANTS[role] for role in self.roles)

    def require(self, right: Right) -> None:
        """Forbidden, in words, where no role of this account grants the right."""
        if not self.may(right):
            raise Forbidden(
                f"“{self.title}”账号{_REFUSALS[right]}。请用有权限的账号登录。",
                code="forbidden",
            )

    @property
    def is_wall(self) -> bool:
        """A wall that stands by itself: it has no business but `/screen`."""
        return self.roles == {"wall"}

    @property
    def scope(self) -> str | None:
        """The region this person may write in; None is the whole county."""
        return self.region_code if "township" in self.roles else None

    @property
    def sees_personal(self) -> str | None:
        """The region whose personal values this person reads in clear; None is the whole county."""
        return self.scope if self.may("reads_personal") else NOWHERE

    @property
    def standing(self) -> walls.Standing:
        """What the database is told of this person; it follows from the account and this table,
        and from nothing that the service decides on its way."""
        rights = sorted({right for role in self.roles for right in GRANTS[role]})
        role = walls.SERVICE if "read" in rights else walls.DOOR
        return walls.Standing(role, ",".join(rights), self.region_code or "")

    @property
    def told(self) -> list[str]:
        """The roles in the order of the table."""
        return in_order(self.roles)

    @property
    def role(self) -> str:
        """The first role, for pages that greet people by one."""
        return self.told[0]

    @property
    def title(self) -> str:
        """The roles in words."""
        return "、".join(ROLES[role] for role in self.told)

    @property
    def rights(self) -> list[Right]:
        return sorted({right for role in self.roles for right in GRANTS[role]})


def in_order(roles: Iterable[str]) -> list[str]:
    """The roles as they are told: in the order of the table."""
    held = set(roles)
    return [role for role in ROLES if role in held]
