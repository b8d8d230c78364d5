"""Accounts and sign-in: who is asking, in which roles, for which region, and what they may do."""

from mapsvc.access.rights import GRANTS, NOWHERE, ROLES, Identity, Right, Role
from mapsvc.access.sessions import (
    Sessions,
    accounts,
    add_account,
    digest,
    find_account,
    still_open,
)

__all__ = [
    "GRANTS",
    "NOWHERE",
    "ROLES",
    "Identity",
    "Right",
    "Role",
    "Sessions",
    "accounts",
    "add_account",
    "digest",
    "find_account",
    "still_open",
]
