"""The folder in which a film comes to be."""

import json
import os
from collections import Counter

import pytest

from vfi.chunks import Made
from vfi.media import MediaError
from vfi.media.pieces import Piece
from vfi.pipeline import Tally
from vfi.workdir import Workdir

CHUNKS = [range(0, 10), range(10, 20), range(20, 30)]
FILM = {"source size": "1000", "timing": "2 frames for one"}


def opened(folder, film=FILM, **what):
    return Workdir(folder, film, CHUNKS, ".nut", **what)


def make(work, number, content=b"pictures"):
    chunk = work.chunks()[number]
    work.path(chunk).write_bytes(content)
    tally = Tally(frames=10, cuts=1, held=2, origins=Counter(source=10, made=10))
    tally.times.extend([0.1, 0.2])
    tally.confidence.extend([0.7, 0.9])
    work.record(chunk, Made(Piece(work.path(chunk), 20 * number, 20), tally, None))
    return tally


def test_finished_chunks_are_found_again(tmp_path):
    work = opened(tmp_path / "work")
    made = make(work, 1)
    again = opened(tmp_path / "work").chunks()
    assert [chunk.gaps for chunk in again] == CHUNKS
    assert [chunk.done for chunk in again] == [False, True, False]
    assert work.piece(again[1]) == Piece(tmp_path / "work" / "00000010.nut", 20, 20)
    assert (again[1].made, again[1].cuts) == (20, 1)
    assert work.tally(again[1]) == made


def test_the_manifest_says_what_the_chunks_are_of_and_how_far_they_are(tmp_path):
    make(opened(tmp_path / "work"), 0, b"abc")
    manifest = json.loads((tmp_path / "work" / "manifest.json").read_text())
    assert manifest["film"] == FILM
    assert [entry["state"] for entry in manifest["chunks"]] == ["done", "open", "open"]
    assert manifest["chunks"][0]["files"]["00000000.nut"].startswith("ba7816bf")  # of abc, FIPS 180-4


@pytest.mark.parametrize("ending", [".nut", ".json"])
@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"picturez")])
def test_a_chunk_that_is_missing_or_changed_is_to_be_made_again(damage, ending, tmp_path):
    work = opened(tmp_path / "work")
    for number in range(3):
        make(work, number)
    assert not work.mend()
    damage(work.path(work.chunks()[1]).with_suffix(ending))
    assert work.mend()
    assert [chunk.done for chunk in work.chunks()] == [True, False, True]


def test_a_chunk_is_made_by_one_process_alone(tmp_path):
    work, other = opened(tmp_path / "work"), opened(tmp_path / "work")
    first, second, _ = work.chunks()
    with work.claim(first) as ours:
        assert ours
        assert not other.idle()
        with other.claim(first) as theirs:
            assert not theirs
        with other.claim(second) as theirs:
            assert theirs
    assert other.idle()
    make(work, 0)
    with other.claim(first) as theirs:
        assert not theirs


@pytest.mark.parametrize("film", [FILM | {"source size": "1001"}, FILM | {"timing": "60 frames per second"}])
def test_another_source_or_other_options_are_refused_in_one_sentence(film, tmp_path):
    make(opened(tmp_path / "work"), 0)
    before = (tmp_path / "work" / "manifest.json").read_bytes()
    with pytest.raises(
        MediaError, match=r"another film \((source size 1000 there, 1001 here|timing 2 .*second here)\)"
    ):
        opened(tmp_path / "work", film)
    assert (tmp_path / "work" / "manifest.json").read_bytes() == before


def test_nothing_is_refused_for_the_sake_of_chunks_that_were_not_finished(tmp_path):
    opened(tmp_path / "work")
    other = FILM | {"timing": "60 frames per second"}
    assert json.loads((opened(tmp_path / "work", other).folder / "manifest.json").read_text())["film"] == other


def test_others_at_work_are_not_robbed(tmp_path):
    work = opened(tmp_path / "work")
    with work.claim(work.chunks()[0]):
        for what in ({"film": FILM | {"timing": "60"}}, {"restart": True}):
            with pytest.raises(MediaError, match="another process is at work"):
                opened(tmp_path / "work", **what)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "vfi-workdir-1"}', '{"format": "other"}'])
def test_a_damaged_manifest_is_one_sentence_and_begun_anew_on_request(content, tmp_path):
    make(opened(tmp_path / "work"), 0)
    (tmp_path / "work" / "manifest.json").write_text(content)
    with pytest.raises(MediaError, match=r"manifest\.json is damaged: begin anew with --restart"):
        opened(tmp_path / "work")
    assert not any(chunk.done for chunk in opened(tmp_path / "work", restart=True).chunks())


def test_a_manifest_cannot_name_files_elsewhere(tmp_path):
    make(opened(tmp_path / "work"), 0)
    manifest = tmp_path / "work" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("00000000.nut", "../../etc/passwd"))
    with pytest.raises(MediaError, match="damaged"):
        opened(tmp_path / "work")


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "holiday.jpg").write_text("precious")
    with pytest.raises(MediaError, match=r"holds other files, such as holiday\.jpg"):
        opened(tmp_path)
    assert (tmp_path / "holiday.jpg").read_text() == "precious"


def test_only_what_is_ours_is_removed(tmp_path):
    folder = tmp_path / "work"
    work = opened(folder)
    make(work, 0)
    (folder / "notes.txt").write_text("precious")
    work.remove()
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_folder_without_a_finished_chunk_is_not_kept(tmp_path):
    work = opened(tmp_path / "work")
    work.leave()
    assert not (tmp_path / "work").exists()
    work = opened(tmp_path / "work")
    make(work, 0)
    work.leave()
    assert work.exists()


def test_what_was_learnt_is_kept(tmp_path):
    work = opened(tmp_path / "work")
    (tmp_path / "work" / "learnt-0a1b.safetensors").write_bytes(b"weights")
    work.leave()
    assert work.exists()
    opened(tmp_path / "work", FILM | {"timing": "60 frames per second"}).remove()
    assert not (tmp_path / "work").exists()


def test_a_file_instead_of_a_folder_is_refused(tmp_path):
    (tmp_path / "work").touch()
    with pytest.raises(MediaError, match="is a file: name another folder with --workdir"):
        opened(tmp_path / "work")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_one_sentence(tmp_path):
    (tmp_path / "work").mkdir(mode=0o500)
    with pytest.raises(MediaError, match="may not be written to"):
        opened(tmp_path / "work")
