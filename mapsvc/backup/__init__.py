"""Backups: everything as one file, checked when made and compared when restored."""

from mapsvc.backup.archive import BackupError, Manifest, check, make, retire, unpack_layers
from mapsvc.backup.restoring import Restored, drill, restore

__all__ = [
    "BackupError",
    "Manifest",
    "Restored",
    "check",
    "drill",
    "make",
    "restore",
    "retire",
    "unpack_layers",
]
