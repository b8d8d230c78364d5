"""Coordinates as people write them: every form seen in real files, and nasty neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapsvc.coordinates import (
    Angle,
    Problem,
    format_dms,
    parse_coordinate,
    parse_pair,
    parse_pairs,
    text,
)

LON, LAT = 112 + 30 / 60 + 15.6 / 3600, 28.25

DEGREES = [
    # seen in public files
    ("东经112°57′", 112.95, "lon"),
    ("东经113 °17", 113 + 17 / 60, "lon"),
    ("北纬23度06分32秒", 23 + 6 / 60 + 32 / 3600, "lat"),
    ("112.30.15.6", LON, ""),
    ("112°30′15秒6", LON, ""),
    # marks of every make
    ("112°30′15.6″", LON, ""),
    ("112°30'15.6\"", LON, ""),
    ("112°30’15.6”", LON, ""),
    ("112°30‘15.6“", LON, ""),
    ("112º30´15.6''", LON, ""),
    ("112˚30′15.6′′", LON, ""),
    ("112°30′15.6′", LON, ""),
    ("112度30分15.6秒", LON, ""),
    ("112度 30分 15.6秒", LON, ""),
    ("１１２度３０分１５．６秒", LON, ""),
    ("１１２°３０′１５。６″", LON, ""),
    ("112°30′15″.6", LON, ""),
    ("112° 30 15.6", LON, ""),
    ("112 30′15.6″", LON, ""),
    ("112°30′15.6", LON, ""),
    ("112°30.26′", LON, ""),
    ("112°30.26", LON, ""),
    ("112°30'", 112.5, ""),
    # separators
    ("112 30 15.6", LON, ""),
    ("112-30-15.6", LON, ""),
    ("112－30－15.6", LON, ""),
    ("112 - 30 - 15.6", LON, ""),
    ("112:30:15.6", LON, ""),
    ("112：30：15.6", LON, ""),
    ("112.30.15", 112 + 30 / 60 + 15 / 3600, ""),
    ("112-30", 112.5, ""),
    # letters and words
    ("E112°30′15.6″", LON, "lon"),
    ("112°30′15.6″E", LON, "lon"),
    ("112°30′15.6″ (E)", LON, "lon"),
    ("e 112-30-15.6", LON, "lon"),
    ("N28°15′", LAT, "lat"),
    ("28°15′ n", LAT, "lat"),
    ("東經112°30′15.6″", LON, "lon"),
    ("经度：112°30′15.6″", LON, "lon"),
    ("维度:28°15′", LAT, "lat"),
    ("东经112°30′15.6″E", LON, "lon"),
    ("西经112°30′15.6″", -LON, "lon"),
    ("28°15′S", -LAT, "lat"),
    ("-112°30′15.6″", -LON, ""),
    ("\u200b112°30′15.6″\ufeff", LON, ""),
    ("\u3000112°30′15.6″\n", LON, ""),
    ("'112°30′15.6″", LON, ""),
]

NUMBERS = [
    ("东经116.44", 116.44, "lon"),
    ("112．504333", 112.504333, ""),
    ("112。504333", 112.504333, ""),
    ("112，504333", 112.504333, ""),
    ("１１２．５", 112.5, ""),
    ("112.5°", 112.5, ""),
    ("112.5度", 112.5, ""),
    ("112.5°E", 112.5, "lon"),
    ("112.5E", 112.5, "lon"),
    ("Lon: 112.5", 112.5, "lon"),
    ("latitude=28.25", 28.25, "lat"),
    ("-112.5", -112.5, ""),
    ("−112.5", -112.5, ""),
    ("+112.5", 112.5, ""),
    (" 112.5 ", 112.5, ""),
    ("1161903", 1161903.0, ""),
    ("东经1161903", 1161903.0, "lon"),
    ("3,127,059.33", 3127059.33, ""),
    ("352,789.76", 352789.76, ""),
]

REFUSED = [
    ("", "missing"),
    ("  ", "missing"),
    ("--", "missing"),
    ("——", "missing"),
    ("/", "missing"),
    ("无", "missing"),
    ("null", "missing"),
    ("#N/A", "missing"),
    ("112°61′", "minutes_over_59"),
    ("112°60′00″", "minutes_over_59"),
    ("112.75.15", "minutes_over_59"),
    ("112°30′75″", "seconds_over_59"),
    ("112-30-60", "seconds_over_59"),
    ("112.30.75.5", "seconds_over_59"),
    ("112.5°30′", "fraction_before_minutes"),
    ("112°30.5′15″", "fraction_before_minutes"),
    ("1.38E+10", "exponent"),
    ("1.16e8", "exponent"),
    ("112E30", "exponent"),
    ("112,504", "comma"),
    ("112,5", "comma"),
    ("1,2,3", "comma"),
    ("W-112.5", "axis_conflict"),
    ("东经112°N", "axis_conflict"),
    ("181°00′", "out_of_range"),
    ("200°", "out_of_range"),
    ("N95°30′", "out_of_range"),
    ("112°30″", "unreadable"),
    ("112°30′15.6″7", "unreadable"),
    ("112°°30′", "unreadable"),
    ("112--30", "unreadable"),
    ("2024-11-22", "unreadable"),
    ("2024.11.22", "unreadable"),
    ("13812345678转1", "unreadable"),
    ("见附图", "unreadable"),
    ("inf", "unreadable"),
    ("1_12.5", "unreadable"),
    ("0x70", "unreadable"),
    ("<script>alert(1)</script>", "unreadable"),
    ("{{7*7}}", "unreadable"),
    ("1" * 5000, "unreadable"),
    ("112°" * 5000, "unreadable"),
]


@pytest.mark.parametrize(("written", "value", "axis"), DEGREES)
def test_degrees_minutes_seconds(written: str, value: float, axis: str) -> None:
    found = parse_coordinate(written)
    assert found == Angle(pytest.approx(value, abs=1e-9), degrees=True, axis=found.axis)  # type: ignore[arg-type,union-attr]
    assert isinstance(found, Angle)
    assert found.axis == axis


@pytest.mark.parametrize(("written", "value", "axis"), NUMBERS)
def test_bare_numbers_wait_for_the_pair(written: str, value: float, axis: str) -> None:
    found = parse_coordinate(written)
    assert isinstance(found, Angle)
    assert (found.value, found.degrees, found.axis) == (value, False, axis)


@pytest.mark.parametrize(("written", "code"), REFUSED)
def test_refused_with_a_reason_and_a_remedy(written: str, code: str) -> None:
    assert parse_coordinate(written) == Problem(code)


def test_every_reason_is_chinese_and_says_what_to_do() -> None:
    for message in text.MESSAGES.values():
        assert any(word in message for word in ("请", "改"))
        assert "\u4e00" <= message[0] <= "\u9fff"


PAIRS = [
    # x cell, y cell, lon or east, lat or north, form, swapped, labelled
    ("112.5", "28.25", 112.5, 28.25, "decimal", False, False),
    (112.5, 28.25, 112.5, 28.25, "decimal", False, False),
    ("28.25", "112.5", 112.5, 28.25, "decimal", True, False),
    ("30", "80", 80, 30, "decimal", True, False),
    ("2.35", "48.85", 2.35, 48.85, "decimal", False, False),
    ("-112.5", "-28.25", -112.5, -28.25, "decimal", False, False),
    ("112．5", "２８．２５", 112.5, 28.25, "decimal", False, False),
    ("112，504333", "28，250000", 112.504333, 28.25, "decimal", False, False),
    ("东经112.5", "28.25", 112.5, 28.25, "decimal", False, True),
    ("北纬28.25", "东经112.5", 112.5, 28.25, "decimal", True, True),
    ("28.25", "E112.5", 112.5, 28.25, "decimal", True, True),
    ("112.5°", "28.25°", 112.5, 28.25, "decimal", False, False),
    ("112°30′15.6″", "28°15′", LON, LAT, "dms", False, False),
    ("112°30′15.6″", "28.25", LON, LAT, "dms", False, False),
    ("28-15-00", "112-30-15.6", LON, LAT, "dms", True, False),
    # packed, as in a table of 2372 rows
    ("1161903", "395232", 116.3175, 39 + 52 / 60 + 32 / 3600, "packed_dms", False, False),
    (1161903, 395232, 116.3175, 39 + 52 / 60 + 32 / 3600, "packed_dms", False, False),
    (1161903.0, 395232.0, 116.3175, 39 + 52 / 60 + 32 / 3600, "packed_dms", False, False),
    ("395232", "1161903", 116.3175, 39 + 52 / 60 + 32 / 3600, "packed_dms", True, False),
    ("东经1161903", "北纬395232", 116.3175, 39.8755555556, "packed_dms", False, True),
    ("985930", "281500", 98 + 59.5 / 60, 28.25, "packed_dms", False, False),
    ("1123015.6", "281500.0", LON, LAT, "packed_dms", False, False),
    ("3219", "10941", 109 + 41 / 60, 32 + 19 / 60, "packed_dm", True, False),
    ("10941", "3219", 109 + 41 / 60, 32 + 19 / 60, "packed_dm", False, False),
    ("10941.5", "3219.25", 109 + 41.5 / 60, 32 + 19.25 / 60, "packed_dm", False, False),
    ("116234632", "39983021", 116.234632, 39.983021, "micro", False, False),
    ("39983021", "116234632", 116.234632, 39.983021, "micro", True, False),
    # metres: an easting without prefix has six digits like a packed latitude
    ("352789.76", "3127059.33", 352789.76, 3127059.33, "projected", False, False),
    ("3127059.33", "352789.76", 352789.76, 3127059.33, "projected", True, False),
    ("395232", "4419030", 395232, 4419030, "projected", False, False),
    ("38352789.76", "3127059.33", 38352789.76, 3127059.33, "projected", False, False),
    ("3,127,059.33", "38,352,789.76", 38352789.76, 3127059.33, "projected", True, False),
    ("12523442.7", "3279865.7", 12523442.7, 3279865.7, "projected", False, False),
    ("3279865.7", "12523442.7", 12523442.7, 3279865.7, "projected", True, False),
    # one cell for both
    ("112.5,28.25", "", 112.5, 28.25, "decimal", False, False),
    (None, "112.5,28.25", 112.5, 28.25, "decimal", False, False),
    ("112.5,28.25", "112.5,28.25", 112.5, 28.25, "decimal", False, False),
    ("112.5，28.25", "", 112.5, 28.25, "decimal", False, False),
    ("112.5、28.25", "", 112.5, 28.25, "decimal", False, False),
    ("112.5;28.25", "", 112.5, 28.25, "decimal", False, False),
    ("112.5 28.25", "", 112.5, 28.25, "decimal", False, False),
    ("112.5\n28.25", "", 112.5, 28.25, "decimal", False, False),
    ("(112.5, 28.25)", "", 112.5, 28.25, "decimal", False, False),
    ("（112.5，28.25）", "", 112.5, 28.25, "decimal", False, False),
    ("[112.5,28.25]", "", 112.5, 28.25, "decimal", False, False),
    ("POINT(112.5 28.25)", "", 112.5, 28.25, "decimal", False, False),
    ("point (112.5 28.25)", "", 112.5, 28.25, "decimal", False, False),
    ("SRID=4326;POINT(112.5 28.25)", "", 112.5, 28.25, "decimal", False, False),
    ("28.25,112.5", "", 112.5, 28.25, "decimal", True, False),
    ("北纬28°15′，东经112°30′", "", 112.5, 28.25, "dms", False, True),
    ("东经112°30′北纬28°15′", "", 112.5, 28.25, "dms", False, True),
    ("N28°15′ E112°30′", "", 112.5, 28.25, "dms", False, True),
    ("28.25N 112.5E", "", 112.5, 28.25, "decimal", False, True),
    ("112.5E28.25N", "", 112.5, 28.25, "decimal", False, True),
    ("经度:112.5 纬度:28.25", "", 112.5, 28.25, "decimal", False, True),
    ("经度112.5；维度28.25", "", 112.5, 28.25, "decimal", False, True),
    ("112°30′15.6″ 28°15′00″", "", LON, LAT, "dms", False, False),
    ("112°30′15.6″28°15′00″", "", LON, LAT, "dms", False, False),
    ("112 30 15.6 28 15 00", "", LON, LAT, "dms", False, False),
    ("112 30 28 15", "", 112.5, 28.25, "dms", False, False),
    ("1161903 395232", "", 116.3175, 39.8755555556, "packed_dms", False, False),
    ("38352789.76,3127059.33", "", 38352789.76, 3127059.33, "projected", False, False),
]


@pytest.mark.parametrize("row", PAIRS)
def test_pairs(row: tuple[object, object, float, float, str, bool, bool]) -> None:
    x_text, y_text, x, y, *rest = row
    pair = parse_pair(x_text, y_text)
    assert pair.problem is None
    assert (pair.x, pair.y) == pytest.approx((x, y), abs=1e-9)
    assert [pair.form, pair.swapped, pair.labelled] == rest


REFUSED_PAIRS = [
    (None, None, "missing"),
    ("", "--", "missing"),
    ("112.5", "", "one_missing"),
    ("", "112°30′", "one_missing"),
    ("0", "0", "zero"),
    (0, 0.0, "zero"),
    ("112.5", "0", "zero"),
    ("112.5", "281500", "mixed_forms"),
    ("112°30′", "281500", "mixed_forms"),
    ("112.5", "3127059", "mixed_forms"),
    ("13812345678", "28.25", "mixed_forms"),
    ("112.5", "112.5", "out_of_range"),
    ("500000", "300000", "out_of_range"),
    ("24352789", "3127059", "out_of_range"),
    ("1399999", "395232", "out_of_range"),
    ("3127059", "3127059", "out_of_range"),
    ("-1161903", "395232", "out_of_range"),
    ("1e300", "28", "exponent"),
    (1e300, 28.0, "mixed_forms"),
    (10**400, 28, "unreadable"),
    ("9" * 100, "28", "mixed_forms"),
    (float("nan"), 28.0, "one_missing"),
    (float("inf"), 28.0, "unreadable"),
    ("1167503", "395232", "minutes_over_59"),
    ("1161963", "395232", "seconds_over_59"),
    ("10961", "3219", "minutes_over_59"),
    ("东经28.25", "北纬112.5", "axis_conflict"),
    ("东经112.5", "东经28.25", "axis_conflict"),
    ("北纬112.5", "28.25", "axis_conflict"),
    ("112°61′", "28°15′", "minutes_over_59"),
    ("112°30′", "28°15′75″", "seconds_over_59"),
    ("1.38E+10", "28.25", "exponent"),
    ("112 28", "", "ambiguous_form"),
    ("112 28.25", "", "ambiguous_form"),
    ("112,504333", "", "ambiguous_form"),
    ("116234632", "39523250", "ambiguous_form"),  # 39.523250° or 39°52′32.50″
    ("112.5,28.25", "28.25", "two_values"),
    ("112.5", "112.5,28.25", "two_values"),
    ("112.5,28,56.0", "", "comma"),
    ("112.5,abc", "", "comma"),
    ("POINT(112.5)", "", "unreadable"),
    ("POINT EMPTY", "", "unreadable"),
    ("LINESTRING(112 28, 113 29)", "", "comma"),
    (True, 28.25, "unreadable"),
    ("见附图", "28.25", "unreadable"),
    ("N" * 300, "E" * 300, "unreadable"),
]


@pytest.mark.parametrize(("x_text", "y_text", "code"), REFUSED_PAIRS)
def test_refused_pairs(x_text: object, y_text: object, code: str) -> None:
    pair = parse_pair(x_text, y_text)
    assert pair.problem == Problem(code)
    assert np.isnan([pair.x, pair.y]).all()
    assert (pair.form, pair.swapped) == ("", False)


def test_columns_answer_row_by_row_like_single_pairs() -> None:
    rows = [(a, b) for a, b, *_ in PAIRS] + [(a, b) for a, b, _ in REFUSED_PAIRS]
    found = parse_pairs([a for a, _ in rows], [b for _, b in rows])
    for i, (a, b) in enumerate(rows):
        alone = parse_pair(a, b)
        judged_by_column = alone.form.startswith(("packed", "micro")) or (
            alone.problem in (Problem("minutes_over_59"), Problem("seconds_over_59"))
            or (a, b) == ("116234632", "39523250")
        )
        if not judged_by_column:
            assert (found.x[i], found.y[i]) == pytest.approx((alone.x, alone.y), nan_ok=True)
            assert found.form[i] == alone.form
            assert found.swapped[i] == alone.swapped
            assert found.problems.get(i) == alone.problem


def test_a_column_of_millionths_is_proved_by_its_other_rows() -> None:
    found = parse_pairs(
        ["116234632", "116876543", "116987654"], ["39523250", "39876543", "39998877"]
    )
    assert found.form.tolist() == ["micro"] * 3
    assert (found.x[0], found.y[0]) == pytest.approx((116.234632, 39.52325))


def test_a_column_of_packed_hundredths_is_refused_even_with_one_typing_error() -> None:
    xs = ["116190350"] * 9 + ["116990350"]
    found = parse_pairs(xs, ["39523250"] * 10)
    assert {p.code for p in found.problems.values()} == {"ambiguous_form"}
    assert len(found.problems) == 10


def test_packed_columns_that_break_the_sixties_too_often_are_not_packed_degrees() -> None:
    rng = np.random.default_rng(1)
    xs, ys = rng.integers(1_160_000, 1_170_000, 100), rng.integers(390_000, 400_000, 100)
    found = parse_pairs(xs.tolist(), ys.tolist())
    assert {p.code for p in found.problems.values()} == {"ambiguous_form"}
    assert len(found.problems) == 100


def test_one_bad_row_does_not_spoil_a_packed_column() -> None:
    found = parse_pairs([1161903] * 50 + [1167503], [395232] * 51)
    assert found.problems == {50: Problem("minutes_over_59")}
    assert (found.form[:50] == "packed_dms").all()


def test_decimal_columns_that_look_like_degree_dot_minutes_seconds_get_a_note() -> None:
    rng = np.random.default_rng(2)

    def column(degrees: int, top: int) -> list[str]:
        pairs = rng.integers(0, top, (50, 2))
        return [f"{degrees}.{m:02d}{s:02d}" for m, s in pairs]

    assert parse_pairs(column(112, 60), column(28, 60)).notes
    assert not parse_pairs(column(112, 100), column(28, 100)).notes
    assert not parse_pairs(["112.5"] * 50, ["28.25"] * 50).notes


def test_empty_columns() -> None:
    found = parse_pairs([], [])
    assert found.x.shape == (0,)
    assert not found.problems
    assert not found.notes


def test_unequal_columns_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match=r"shape|broadcast|operands"):
        parse_pairs(["112.5"] * 3, ["28.25"] * 2)


STYLES = [
    "{d}°{m}′{s}″",
    "{d}度{m:02d}分{s}秒",
    "{word}{d}°{m:02d}'{s}\"",
    "{d}°{m}’{s}”{letter}",
    "{letter} {d} {m:02d} {s}",
    "{d}-{m:02d}-{s}",
    "{d}:{m:02d}:{s}",
    "{d}.{m:02d}.{s}",
    "{d} ° {m} ′ {s}",
    "{d}°{m}′{whole}″{tail}",
    "{word}{d}度{m}分{whole}秒{tail}",
    "{d}{m:02d}{s}",
    "{d}",
]
WIDE = str.maketrans("0123456789.°:-", "０１２３４５６７８９．°：－")


def _written(value: float, style: str, lon: bool) -> str:
    minutes, hundredths = divmod(round(value * 360_000), 6000)
    degrees, minutes = divmod(minutes, 60)
    seconds = f"{hundredths / 100:05.2f}"
    whole, tail = seconds.split(".")
    word, letter = ("东经", "E") if lon else ("北纬", "N")
    return style.format(
        d=f"{value:.7f}" if style == "{d}" else degrees,
        m=minutes,
        s=seconds,
        whole=whole,
        tail=tail,
        word=word,
        letter=letter,
    )


@settings(deadline=None, max_examples=600)
@given(
    lon=st.floats(73.0, 135.9),
    lat=st.floats(3.1, 53.9),
    style=st.sampled_from(STYLES),
    wide=st.booleans(),
    turned=st.booleans(),
)
def test_written_and_read_back_within_half_a_metre(
    lon: float, lat: float, style: str, wide: bool, turned: bool
) -> None:
    cells = [_written(lon, style, lon=True), _written(lat, style, lon=False)]
    cells = [cell.translate(WIDE) for cell in cells] if wide else cells
    pair = parse_pair(*(cells[::-1] if turned else cells))
    assert pair.problem is None
    assert np.hypot(pair.x - lon, pair.y - lat) * 111_320 <= 0.5
    assert pair.swapped == turned


@settings(deadline=None)
@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90))
def test_shown_degrees_read_back_within_half_a_metre(lon: float, lat: float) -> None:
    shown = format_dms(lon, lat)
    cells = shown.split(" ")
    x, y = parse_coordinate(cells[0]), parse_coordinate(cells[1])
    assert isinstance(x, Angle)
    assert isinstance(y, Angle)
    assert abs(x.value - lon) * 111_320 <= 0.5
    assert abs(y.value - lat) * 111_320 <= 0.5
    if abs(lon) > 1e-5 and abs(lat) > 1e-5:
        pair = parse_pair(shown)
        assert (pair.x, pair.y) == pytest.approx((lon, lat), abs=2e-6)
        assert not pair.swapped


@settings(deadline=None, max_examples=300)
@given(
    st.text(max_size=40)
    | st.text("0123456789.,-°′″'\" 度分秒东经北纬EN:;/()", max_size=30)
    | st.floats()
    | st.integers(),
    st.text("0123456789.,-°′″'\" 度分秒东经北纬EN:;/()", max_size=30) | st.none(),
)
def test_no_cell_breaks_the_parser(x: object, y: object) -> None:
    pair = parse_pair(x, y)
    if pair.problem:
        assert pair.problem.message
        assert np.isnan(pair.x)
    else:
        assert pair.form
        assert np.isfinite([pair.x, pair.y]).all()
        if pair.form != "projected":
            assert abs(pair.x) <= 180
            assert abs(pair.y) <= 90


def test_format_dms_carries_and_names_the_hemisphere() -> None:
    assert format_dms(LON, LAT) == "东经112°30′15.60″ 北纬28°15′00.00″"
    assert format_dms(112.9999999999, 28.999999999) == "东经113°00′00.00″ 北纬29°00′00.00″"
    assert format_dms(-0.5, -1.25, 0) == "西经0°30′00″ 南纬1°15′00″"
