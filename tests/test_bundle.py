"""The bundled files: from memory, compressed for who takes it, to be kept for good."""

from mapsvc.maps.assets import BUILD, Assets
from tests.conftest import Signed


def test_files_are_what_lies_in_the_folder(signed: Signed) -> None:
    address = Assets()("map.js")
    content = (BUILD / address.rsplit("/", 1)[1]).read_bytes()
    for accepted in ("gzip, br", "identity"):
        answer = signed.client.get(address, headers={"Accept-Encoding": accepted})
        assert answer.content == content
        assert ("gzip" in accepted) == (answer.headers.get("content-encoding") == "gzip")
        assert answer.headers["vary"] == "Accept-Encoding"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith("text/javascript")
        if "gzip" in accepted:
            assert int(answer.headers["content-length"]) < len(content) / 2


def test_nothing_else_is_there(signed: Signed) -> None:
    for path in ("/static/", "/static/none.js", "/static/../pyproject.toml", "/static/%2e%2e/x"):
        assert signed.client.get(path).status_code == 404
    assert signed.client.post(Assets()("map.js")).status_code == 405
