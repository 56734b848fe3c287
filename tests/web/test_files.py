"""The pages' files: which there are, at which paths."""

from pathlib import Path

from chatd.web.files import PAGES, TYPES, read


def write(folder: Path, **files: str) -> None:
    """Files; ``parts__a__js`` stands for ``parts/a.js``."""
    for name, text in files.items():
        *folders, stem, suffix = name.split("__")
        path = folder.joinpath(*folders, f"{stem}.{suffix}")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_a_file_is_at_its_name_and_a_page_without_its_ending_too(tmp_path: Path) -> None:
    write(tmp_path, index__html="i", room__html="r", room__js="j", parts__a__js="a")
    files = read(tmp_path)
    assert set(files) == {"/", "/index.html", "/room", "/room.html", "/room.js", "/parts/a.js"}
    assert files["/"] is files["/index.html"]
    assert [files[path].content for path in ("/", "/room", "/room.js", "/parts/a.js")] == [
        b"i", b"r", b"j", b"a",
    ]  # fmt: skip


def test_every_page_that_chatd_has_is_served_with_its_type() -> None:
    files = read()
    for path in PAGES.rglob("*"):
        if path.is_file():
            file = files[f"/{path.relative_to(PAGES).as_posix()}"]
            assert file.content == path.read_bytes()
            assert file.content_type == TYPES[path.suffix]
    assert files["/"].is_page


def test_what_a_symlink_points_to_is_served_under_its_name(tmp_path: Path) -> None:
    pages, elsewhere = tmp_path / "pages", tmp_path / "client.js"
    elsewhere.write_text("export {}")
    pages.mkdir()
    (pages / "chatd-client.js").symlink_to("../client.js")
    assert read(pages)["/chatd-client.js"].content == b"export {}"


def test_a_file_of_another_kind_is_not_served(tmp_path: Path) -> None:
    write(tmp_path, room__html="r", notes__txt="n", room__orig="o")
    (tmp_path / ".room.html.swp").write_text("s")
    assert set(read(tmp_path)) == {"/room", "/room.html"}


def test_a_file_that_changes_has_another_etag(tmp_path: Path) -> None:
    write(tmp_path, a__js="one", b__js="one")
    one = read(tmp_path)
    assert one["/a.js"].etag == one["/b.js"].etag
    write(tmp_path, a__js="two")
    assert read(tmp_path)["/a.js"].etag != one["/a.js"].etag


def test_the_widget_and_what_it_needs_may_be_used_by_other_sites(tmp_path: Path) -> None:
    names = {"widget__js", "chatd-client__js", "chatd-client.global__js", "parts__a__js"}
    write(tmp_path, **dict.fromkeys({*names, "room__js", "room__html", "style__css", "config__json"}, "x"))
    assert {path for path, file in read(tmp_path).items() if file.is_shared} == {
        "/widget.js", "/chatd-client.js", "/chatd-client.global.js", "/parts/a.js",
    }  # fmt: skip


def test_the_widget_has_the_style_sheets_as_a_module_without_rem_and_root(tmp_path: Path) -> None:
    write(
        tmp_path,
        style__css='@import url("chat.css");\n:root { --a: 1.5rem; }',
        chat__css="p { margin: .25rem 2px }",
    )
    sheets = read(tmp_path)["/parts/sheets.js"]
    assert sheets.is_shared and sheets.content_type == TYPES[".js"]
    assert sheets.content == b'export const sheets = ["\\n.frame { --a: 24px; }","p { margin: 4px 2px }"];\n'
