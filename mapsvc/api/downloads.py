"""Workbooks as downloads."""

from urllib.parse import quote

from fastapi import Response

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def download(content: bytes, plain: str, name: str) -> Response:
    """A download; the name in Chinese for browsers that read RFC 5987, and one in ASCII."""
    named = f"filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return Response(
        content,
        media_type=XLSX,
        headers={
            "Content-Disposition": f"attachment; {named}",
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
