"""Accounts and sign-in: who is asking, in which roles, for which region, and what they may do."""

from mapsvc.access import totp
from mapsvc.access.accounts import (
    accounts,
    add_account,
    any_account,
    change,
    change_password,
    create,
    create_first,
    find_account,
    listed,
    require_name,
    reset,
)
from mapsvc.access.kiosks import add_kiosk, enter, kiosk_path, kiosks, remove_kiosk
from mapsvc.access.passwords import digest, made, require_good, require_own
from mapsvc.access.rights import GRANTS, NOWHERE, ROLES, Identity, Right, Role
from mapsvc.access.sessions import Sessions, still_open
from mapsvc.access.single import SingleSignOn

__all__ = [
    "GRANTS",
    "NOWHERE",
    "ROLES",
    "Identity",
    "Right",
    "Role",
    "Sessions",
    "SingleSignOn",
    "accounts",
    "add_account",
    "add_kiosk",
    "any_account",
    "change",
    "change_password",
    "create",
    "create_first",
    "digest",
    "enter",
    "find_account",
    "kiosk_path",
    "kiosks",
    "listed",
    "made",
    "remove_kiosk",
    "require_good",
    "require_name",
    "require_own",
    "reset",
    "still_open",
    "totp",
]
