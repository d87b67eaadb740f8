"""What all pictures share: files, titles, and texts that come from a study."""

from __future__ import annotations

import re
import stat
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.figure import Figure
from PIL import Image

from hpsearch.errors import UsageError
from hpsearch.goal import Goal
from hpsearch.pictures.curves import Curves, draw_curves
from hpsearch.pictures.drawing import PNG_DPI, WIDTH, as_svg, is_wide, save, seconds, shown
from tests.pictures.seen import texts

LOGS = [{"loss": 1 / n, "val_loss": 1 / n, "accuracy": 0.5, "val_accuracy": 0.5} for n in (1, 2)]


def picture(label: str = "Trial 1") -> Figure:
    curves = Curves(label=label, seeds=[LOGS], best_epoch=2, onset=None)
    return draw_curves(curves, Goal("val_accuracy", "maximize"))


def test_a_picture_is_the_same_file_each_time_and_says_no_date(tmp_path):
    for name in ("a.svg", "b.svg"):
        save(picture(), tmp_path / name)

    first, second = ((tmp_path / name).read_text() for name in ("a.svg", "b.svg"))
    assert first == second
    assert "dc:date" not in first


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".PDF", b"%PDF"), (".svg", b"<?xml")]
)
def test_the_suffix_chooses_the_format_and_others_may_read_the_file(tmp_path, suffix, start):
    path = tmp_path / f"picture{suffix}"
    save(picture(), path)

    assert path.read_bytes().startswith(start)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_png_is_as_wide_as_a_phone_shows_sharply(tmp_path):
    save(picture(), tmp_path / "picture.png")

    with Image.open(tmp_path / "picture.png") as image:
        assert image.width == WIDTH * PNG_DPI


def test_another_suffix_or_a_missing_folder_is_refused_and_nothing_written(tmp_path):
    with pytest.raises(UsageError, match=r"picture\.jpg should end in \.svg, \.png or \.pdf"):
        save(picture(), tmp_path / "picture.jpg")
    with pytest.raises(UsageError, match="there is no folder"):
        save(picture(), tmp_path / "none" / "picture.svg")
    assert list(tmp_path.iterdir()) == []


def test_texts_of_a_study_are_data(tmp_path):
    label = "$x^2$ <script>alert(1)</script> & \x1b[2J 层"

    drawn = picture(label)

    assert "$x^2$ <script>alert(1)</script> & \N{REPLACEMENT CHARACTER}[2J 层" in texts(
        drawn
    ).replace("\n", " ")
    assert not any("script" in node.tag for node in ElementTree.fromstring(as_svg(drawn)).iter())


def test_a_picture_fetches_nothing():
    tree = ElementTree.fromstring(as_svg(picture()))
    links = [value for node in tree.iter() for name, value in node.attrib.items() if "href" in name]

    assert all(link.startswith("#") for link in links)


def test_pictures_on_one_page_share_no_id_and_find_all_that_they_refer_to():
    pages = [as_svg(picture(), name) for name in ("one", "two")]

    ids = [set(re.findall(r' id="([^"]+)"', page)) for page in pages]
    assert not ids[0] & ids[1]
    for page, own in zip(pages, ids, strict=True):
        assert own == set(re.findall(r"[(\"]#([^)\"]+)", page)) != set()


def test_settings_of_the_user_change_nothing():
    own = as_svg(picture())

    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 30, "text.parse_math": True}):
        assert as_svg(picture()) == own
        assert matplotlib.rcParams["font.size"] == 30


def test_long_text_is_shortened_and_stays_on_a_line():
    assert shown("units\nof the first layer", 12) == "units of th…"


@pytest.mark.parametrize(
    ("value", "text"), [(0.42, "0.42 s"), (35, "35 s"), (700, "12 min"), (11_000, "3.1 h")]
)
def test_times_have_a_unit_that_fits(value, text):
    assert seconds(value) == text


def test_values_are_wide_if_a_straight_axis_would_press_them_flat():
    assert is_wide([0.001, 0.1])
    assert not is_wide([0.0, 0.1, 100.0])  # no logarithm
    assert not is_wide([])
