"""The tree of everything that can go wrong and be told to a person.

    MapsvcError                     500  internal
    ├── BadInput                    422  bad_input          a value that cannot be used
    │   ├── UnknownField            422  unknown_field
    │   ├── OutsideWorld            422  coordinates_out_of_range
    │   └── Unreadable              422  <reason>           a file that cannot be read at all
    ├── NotSignedIn                 401  not_signed_in
    ├── SignInFailed                401  sign_in_failed
    ├── Forbidden                   403  forbidden
    │   └── Owing                   403  <what>             first a new password, or a second factor
    ├── NotFound                    404  not_found
    ├── Conflict                    409  conflict
    │   └── NotAsPlanned            409  not_as_planned     fewer rows written than meant
    ├── VersionConflict             412  version_conflict
    ├── TooLarge                    413  too_large
    ├── PreconditionMissing         428  if_match_required
    ├── TooManyRequests             429  too_many_requests  with Retry-After
    └── Unavailable                 503  unavailable
        ├── DatabaseUnavailable     503  database_unavailable
        ├── DiskFull                503  disk_full
        └── ReadOnly                503  read_only
    BrokenLayerFile, BrokenSetup: refused at start, printed by the command line

Each carries the HTTP status and a code; `detail` is Chinese and says what to do next.
"""

import math
from typing import Any, ClassVar


class MapsvcError(Exception):
    """Root; `detail` is shown to the person, `extra` joins the problem document."""

    status: ClassVar[int] = 500
    code: str = "internal"
    title: ClassVar[str] = "系统内部错误"

    def __init__(self, detail: str = "", *, code: str | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail or self.title
        self.code = code or type(self).code
        self.extra = extra

    def problem(self) -> dict[str, Any]:
        """RFC 9457 problem details."""
        return {
            "type": f"urn:mapsvc:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.extra,
        }


class BadInput(MapsvcError):
    status = 422
    code = "bad_input"
    title = "输入有误"


class UnknownField(BadInput):
    code = "unknown_field"


class OutsideWorld(BadInput):
    code = "coordinates_out_of_range"


class Unreadable(BadInput):
    code = "unreadable"
    title = "文件无法读取"


class NotSignedIn(MapsvcError):
    status = 401
    code = "not_signed_in"
    title = "请先登录"


class SignInFailed(MapsvcError):
    status = 401
    code = "sign_in_failed"
    title = "登录失败"


class Forbidden(MapsvcError):
    status = 403
    code = "forbidden"
    title = "没有权限"


class Owing(Forbidden):
    """The account may do nothing before it has done one thing for itself, at `/me`."""

    title = "请先完成账号设置"


class NotFound(MapsvcError):
    status = 404
    code = "not_found"
    title = "没有找到"


class Conflict(MapsvcError):
    status = 409
    code = "conflict"
    title = "与现有数据冲突"


class NotAsPlanned(Conflict):
    """A statement wrote other rows than it was meant to; its transaction is taken back."""

    code = "not_as_planned"


class VersionConflict(MapsvcError):
    status = 412
    code = "version_conflict"
    title = "数据已被他人修改"


class TooLarge(MapsvcError):
    status = 413
    code = "too_large"
    title = "内容过大"


class PreconditionMissing(MapsvcError):
    status = 428
    code = "if_match_required"
    title = "缺少版本号"


class TooManyRequests(MapsvcError):
    """`retry_after`: whole seconds until it may be tried again, at least one."""

    status = 429
    code = "too_many_requests"
    title = "操作过于频繁"

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail, retry_after=max(1, math.ceil(seconds)))


class Unavailable(MapsvcError):
    status = 503
    code = "unavailable"
    title = "服务暂不可用"


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"
    title = "数据库暂不可用"


class DiskFull(Unavailable):
    code = "disk_full"
    title = "服务器磁盘已满"

    def __init__(self) -> None:
        super().__init__(
            "服务器磁盘已满，这一步没有完成，原有数据不受影响。"
            "请联系系统管理员清理磁盘，腾出空间后重试即可。"
        )


class ReadOnly(Unavailable):
    code = "read_only"
    title = "数据库目前只读"

    def __init__(self) -> None:
        super().__init__(
            "数据库目前只能查看、不能修改（可能正在维护或切换），这一步没有完成，"
            "原有数据不受影响。请稍后重试；若持续出现，请联系系统管理员。"
        )


class BrokenSetup(MapsvcError):
    """The service cannot start; the text says which setting and what to write instead."""

    code = "broken_setup"
    title = "配置有误"


class BrokenLayerFile(BrokenSetup):
    """A layer file that was refused: its name, the field, the reason."""

    code = "broken_layer_file"
    title = "图层文件有误"
