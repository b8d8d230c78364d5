"""What is kept of an upload: rows by fate, problems by kind, what the file lacks; giving up."""

from typing import Any

import httpx2 as httpx

from tests.conftest import Signed

HEAD = "隐患点编号,隐患点名称,风险等级,经度,纬度\n"


def stage(client: httpx.Client, text: str, **form: str) -> dict[str, Any]:
    answer = client.post(
        "/api/uploads",
        files={"file": ("台账.csv", text.encode())},
        data={"layer": "risk_points", "crs": "wgs84", **form},
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def known(client: httpx.Client) -> list[dict[str, Any]]:
    found = client.get("/api/layers/risk_points/features?limit=3").json()["features"]
    return list(found)


def line(feature: dict[str, Any], level: str) -> str:
    lon, lat = feature["geometry"]["coordinates"]
    p = feature["properties"]
    return f"{p['code']},{p['name']},{level},{lon},{lat}\n"


def test_the_difference_stays_what_it_was_after_applying(signed_copy: Signed) -> None:
    planner = signed_copy("planner")
    first = known(planner)[0]
    was = first["properties"]["risk_level"]
    level = "低" if was != "低" else "重大"
    upload = stage(planner, HEAD + line(first, level))
    url = f"/api/uploads/{upload['id']}"
    for _ in ("before", "after"):
        (row,) = planner.get(f"{url}/rows?action=changed").json()["rows"]
        assert row["changes"] == {"risk_level": [was, level]}
        (drawn,) = planner.get(f"{url}/preview").json()["features"]
        assert drawn["properties"]["changes"] == {"risk_level": [was, level]}
        assert planner.get(f"{url}/rows?action=new").json()["rows"] == []
        assert planner.post(f"{url}/apply", json={}).status_code == 200
    assert planner.get(f"{url}/missing").json()["features"] == []


def test_problems_are_told_by_kind_and_column(signed_copy: Signed) -> None:
    planner = signed_copy("planner")
    one, two, three = known(planner)
    upload = stage(planner, HEAD + line(one, "很高") + line(two, "极高") + line(three, "低"))
    (group,) = [g for g in upload["problem_groups"] if g["severity"] == "error"]
    assert (group["code"], group["column"], group["rows"]) == ("not_in_list", "风险等级", 2)
    assert group["values"] == ["很高", "极高"]
    assert group["message"] == "“…”不在可选范围内。请改为其中之一：重大、较大、一般、低。"
    url = f"/api/uploads/{upload['id']}/problems?code=not_in_list"
    found = planner.get(f"{url}&column=风险等级").json()["problems"]
    assert [(p["row"], p["value"]) for p in found] == [(2, "很高"), (3, "极高")]
    after = planner.get(f"{url}&after={found[0]['seq']}").json()["problems"]
    assert after == found[1:]
    assert planner.get(f"{url}&column=经度").json()["problems"] == []


def test_what_the_file_lacks_is_listed_page_by_page(signed_copy: Signed) -> None:
    planner = signed_copy("planner")
    upload = stage(planner, HEAD + line(known(planner)[0], "低"))
    total = upload["counts"]["missing"]
    seen: list[int] = []
    while True:
        page = planner.get(f"/api/uploads/{upload['id']}/missing?offset={len(seen)}&limit=40")
        found = [f["id"] for f in page.json()["features"]]
        if not found:
            break
        seen += found
    assert len(seen) == len(set(seen)) == total


def test_only_what_is_not_applied_can_be_given_up(signed_copy: Signed) -> None:
    planner, command = signed_copy("planner"), signed_copy("command")
    upload = stage(planner, HEAD + line(known(planner)[0], "低"))
    url = f"/api/uploads/{upload['id']}"
    assert command.delete(url).status_code == 403
    region = known(planner)[0]["properties"]["region_code"][:9]
    town = signed_copy(f"town-{region}")
    assert town.delete(url).status_code == 404
    theirs = stage(planner, HEAD + line(known(planner)[0], "低"), region=region)
    assert town.delete(f"/api/uploads/{theirs['id']}").status_code == 403
    assert planner.delete(f"/api/uploads/{theirs['id']}").status_code == 204
    assert planner.get(f"/api/uploads/{theirs['id']}").status_code == 404
    planner.post(f"{url}/apply", json={})
    refused = planner.delete(url)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_staged")
