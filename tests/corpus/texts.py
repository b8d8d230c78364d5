"""CSV, TSV and TXT in every encoding and shape, and web tables under the name of a workbook."""

from mapsvc.coordinates import from_wgs84
from tests.corpus.case import HEAD, Case, good, place, row, standard
from tests.corpus.write import csv_of, html_of, text_of


def cases() -> list[Case]:
    return [*_encodings(), *_shapes(), *_pages()]


def _encodings() -> list[Case]:
    rows = standard()
    rare = [HEAD, [*row(1)[:1], "䶮㙍村滑坡", *row(1)[2:]]]
    found = [
        good(f"csv-{encoding}", csv_of(rows, encoding))
        for encoding in (
            *("utf-8", "utf-8-sig", "gbk", "gb2312", "gb18030"),
            *("utf-16", "utf-16-le", "utf-16-be"),
        )
    ]
    found.append(good("txt-unicode", csv_of(rows, "utf-16", "\t")))
    found.append(
        good(
            "csv-rare-characters",
            csv_of(rare, "gb18030"),
            count=1,
            values={2: {"name": "䶮㙍村滑坡"}},
        )
    )
    return [
        *found,
        Case("csv-mojibake", csv_of([HEAD, ["1", "锟斤拷锟斤拷", "红", 1, 2]]), refused="mojibake"),
        Case("csv-cut-utf8", csv_of(rows)[:-30] + b"\xe9\x9d\xff\xff", refused="encoding_unknown"),
    ]


def _shapes() -> list[Case]:
    rows = standard()
    quoted = [HEAD, ["001", 'a"甲,\n乙', "红", *place(1)]]
    short = text_of(rows).replace("\r\n", ",,,\r\n", 2)
    return [
        *(
            good(f"csv-delimiter-{ord(d):x}", csv_of(rows, delimiter=d))
            for d in ("\t", ";", "|", "，", "；")
        ),
        good("csv-lf", csv_of(rows, end="\n")),
        good("csv-cr", csv_of(rows, end="\r")),
        good("csv-no-last-newline", csv_of(rows).rstrip()),
        good("csv-sep-line", b"sep=;\r\n" + csv_of(rows, delimiter=";")),
        good("csv-trailing-delimiters", short.encode()),
        good("csv-blank-first-lines", b"\r\n\r\n" + csv_of(rows), first=4),
        good(
            "csv-blank-line-between",
            csv_of([*rows[:2], [], *rows[2:]]),
            count=1,
            rows={3: "blank_row", 4: "new", 5: "new"},
        ),
        good("csv-quoted", csv_of(quoted), count=1, values={2: {"name": 'a"甲, 乙'}}),
        good("csv-title-lines", csv_of([["云岭县隐患点台账"], ["单位：西山镇"], *rows]), first=4),
        Case(
            "csv-open-quote",
            text_of(rows).replace("青山2", '"青山2').encode(),
            refused="csv_quotes",
        ),
        Case("csv-no-heading", csv_of(rows[1:]), refused="no_heading"),
        Case("csv-only-heading", csv_of(rows[:1]), refused="no_rows"),
        good("csv-protected-digits", csv_of([HEAD, ['="001"', *row(1)[1:]]]), count=1),
        good("csv-apostrophe-digits", csv_of([HEAD, ["'001", *row(1)[1:]]]), count=1),
        good(
            "csv-total-and-footer",
            csv_of([*rows, ["合计", "3处"], ["填表人：张三"], ["注：数据截至6月"], ["审核：李四"]]),
            rows={5: "total_row", 6: "footer_row", 7: "footer_row", 8: "footer_row"},
        ),
        good(
            "csv-heading-again",
            csv_of([*rows[:2], HEAD, *rows[2:]]),
            count=1,
            rows={3: "repeated_heading", 4: "new", 5: "new"},
        ),
    ]


def _pages() -> list[Case]:
    rows = standard()
    exact = html_of(rows).replace(
        f"<td>{place(1)[0]}</td>", f'<td x:num="{place(1)[0]}">110.05</td>'
    )
    spans = (
        (
            "<table><tr><td colspan=5>隐患点台账<tr>"
            + "".join(f"<th>{h}" for h in HEAD)
            + "".join(
                "<tr>"
                + "".join(f"<td>{c}" for c in [r[0], r[1], *r[3:]]).replace("<td>00", "<td>00")
                for r in rows[1:]
            )
            + "</table>"
        )
        .replace("<th>风险等级", "")
        .replace("colspan=5", "colspan=4")
    )
    carried = (
        "<table><tr>"
        + "".join(f"<td>{h}</td>" for h in HEAD)
        + f"</tr><tr><td>001</td><td>青山1号滑坡</td><td rowspan=3>红</td><td>{place(1)[0]}</td>"
        f"<td>{place(1)[1]}</td></tr>"
        + "".join(
            f"<tr><td>00{i}</td><td>青山{i}号滑坡</td><td>{place(i)[0]}</td><td>{place(i)[1]}</td></tr>"
            for i in (2, 3)
        )
        + "</table>"
    )
    nested = html_of(rows).replace("青山1号滑坡", "青山<b>1</b>号<span>滑坡</span>")
    entity = html_of(rows).replace("青山1号滑坡", "青山&#49;号&#x6ED1;坡&nbsp;")
    two = html_of([["说明", "内容"], ["a", "b"]]) + html_of(rows)
    east, north = from_wgs84(*place(1), "gcj02")
    script = f"<html><script>var a='<table><tr><td>{east}{north}'</script>" + html_of(rows)
    return [
        good("html-xls", html_of(rows).encode()),
        good("html-gbk", html_of(rows).encode("gbk")),
        good("html-th", html_of(rows, tag="th").encode()),
        good("html-exact-numbers", exact.encode()),
        good("html-unclosed-cells", spans.encode(), first=3),
        good("html-rowspan", carried.encode(), values={4: {"risk_level": "重大"}}),
        good("html-markup-inside", nested.encode()),
        good("html-entities", entity.encode()),
        good(
            "html-second-table",
            two.encode(),
            sheet="表2",
            also=frozenset({"sheet_without_heading"}),
        ),
        good("html-script", script.encode()),
        Case("html-without-table", b"<html><body><p>x</p></body></html>", refused="html_table"),
        Case(
            "html-frames", b"<html><frameset><frame src=a></frameset></html>", refused="html_frames"
        ),
        Case(
            "mhtml", b"MIME-Version: 1.0\r\nContent-Type: multipart/related", refused="html_frames"
        ),
    ]
