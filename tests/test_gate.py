"""Too much, too long, too deep is refused in words before anybody reads it."""

import pytest

from mapsvc.api.gate import DEEPEST, LARGEST_BODY, LONGEST_HEADERS, LONGEST_QUERY, too_deep
from tests.conftest import Signed
from tests.inside import Call, ask_all

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (Call("GET", "/healthz", {"x": "y" * LONGEST_QUERY}), 413, "address_too_long"),
        (Call("GET", "/healthz", headers={"x": "y" * LONGEST_HEADERS}), 413, "headers_too_long"),
        (Call("POST", "/api/within", body=b" " * (LARGEST_BODY + 1)), 413, "too_large"),
        (Call("POST", "/api/session", headers={"content-length": "9" * 30}), 413, "too_large"),
        (Call("POST", "/api/uploads", headers={"content-length": "99999999"}), 413, "too_large"),
        (Call("POST", "/api/plans", body=b"[" * 100_000, headers=JSON), 422, "bad_json"),
        (Call("POST", "/api/session", body=b'{"a":' * 40, headers=JSON), 422, "bad_json"),
    ],
)
def test_what_is_too_much_is_refused_in_words(
    signed: Signed, call: Call, status: int, code: str
) -> None:
    (answer,) = ask_all(signed.client, [call])
    assert (answer.status, answer.told["code"]) == (status, code)
    assert any("\u4e00" <= ch <= "\u9fff" for ch in answer.told["detail"])


def test_a_file_that_says_nothing_of_its_length_is_counted(signed: Signed) -> None:
    """Sent in pieces, without a length."""

    def pieces() -> object:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(52):
            yield b"a" * 1024 * 1024

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = signed("admin").post("/api/uploads", content=pieces(), headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_brackets_in_texts_are_no_depth() -> None:
    assert not too_deep(b'{"a": "' + b"[" * 1000 + b'\\"[[[", "b": [[1], [2]]}')
    assert not too_deep(b"[" * DEEPEST + b"]" * DEEPEST)
    assert not too_deep(b"[],{}" * 1000)
    assert too_deep(b"[" * (DEEPEST + 1))
    assert too_deep(b'{"a":' * (DEEPEST + 1))
