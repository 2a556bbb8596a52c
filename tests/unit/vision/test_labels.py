"""Labelled photos from elsewhere: every format gives the same photo, and nothing is guessed."""

import gzip
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pestwatch.cli import main
from pestwatch.errors import Problem
from pestwatch.vision.labels.opened import open_photos
from pestwatch.vision.labels.species_map import SpeciesMap, read_species_map

from .photo_sets import write_photo_sets

MAP = SpeciesMap({"moth": "GNORAB", "fly": "by_catch"})


def picture(path, width=200, height=100, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), 200, np.uint8)).save(path, **options)


def annotation(name, boxes, size=(200, 100)):
    objects = "".join(
        f"<object><name>{label}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for a, b, c, d, label in boxes
    )
    width, height = size
    return f"<annotation><filename>{name}</filename><size><width>{width}</width><height>{height}</height></size>{objects}</annotation>"


def voc(folder):
    picture(folder / "a.jpg")
    (folder / "a.xml").write_text(annotation("a.jpg", [(10, 20, 30, 50, "moth"), (60, 20, 80, 40, "fly")]))


def yolo(folder):
    picture(folder / "train" / "images" / "a.jpg")
    (folder / "train" / "labels").mkdir()
    (folder / "train" / "labels" / "a.txt").write_text("1 0.1 0.35 0.1 0.3\n0 0.3 0.2 0.4 0.2 0.4 0.4\n")
    (folder / "data.yaml").write_text("train: images\nnames:\n  0: fly\n  1: 'moth'\nnc: 2\n")


def coco(folder):
    picture(folder / "images" / "a.jpg")
    table = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 200, "height": 100}],
        "categories": [{"id": 1, "name": "moth"}, {"id": 2, "name": "fly"}, {"id": 0, "name": "my-project"}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": [10, 20, 20, 30]},
            {"image_id": 7, "category_id": 2, "bbox": [60, 20, 20, 20]},
        ],
    }
    (folder / "instances_train.json").write_text(json.dumps(table))


def bollwm(folder):
    picture(folder / "photos" / "a.jpg")
    lines = [
        "url,split,label,geometry",
        's3://bucket/photos/a.jpg,train,moth,"POLYGON ((10 20, 30 20, 30 50, 10 50, 10 20))"',
        's3://bucket/photos/a.jpg,train,fly,"POLYGON ((60 20, 80 20, 80 40, 60 20))"',
    ]
    (folder / "boxes.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))


@pytest.mark.parametrize("write", [voc, yolo, coco, bollwm])
def test_every_box_format_says_the_same(tmp_path, write):
    write(tmp_path)
    opened = open_photos(tmp_path, species=MAP)
    assert (opened.format, opened.skipped) == (write.__name__, ())
    (example,) = opened.examples(skip=pytest.fail)
    (point,) = example.points
    assert point == pytest.approx((20, 35, 0, 30))
    assert example.true_counts == (1, 0, 0)
    assert example.silent == {1, 2}  # nobody looked for the others
    assert example.source.endswith("a.jpg")
    if write is not voc:
        assert opened.photos[0].split == "train"


@pytest.mark.parametrize("write", [voc, yolo, coco, bollwm])
def test_unknown_labels_are_refused_by_name(tmp_path, write):
    write(tmp_path)
    with pytest.raises(Problem, match=r"422.31 .*fly, moth"):
        open_photos(tmp_path)


def test_public_names_need_no_map():
    known = SpeciesMap().keys(["pbw", "ABW", "Tuta absoluta", "helicoverpa_armigera", "GNORAB"])
    assert list(known.values()) == ["PECTGO", "HELIAR", "GNORAB", "HELIAR", "GNORAB"]


def test_a_map_to_an_unknown_species_is_refused(tmp_path):
    (tmp_path / "map.toml").write_text('moth = "MOTH"')
    with pytest.raises(Problem, match=r"422.5 .*moth.*MOTH"):
        read_species_map(tmp_path / "map.toml")
    (tmp_path / "map.toml").write_text("moth")
    with pytest.raises(Problem, match=r"422.33 .*map.toml"):
        read_species_map(tmp_path / "map.toml")


def test_pink_bollworm_is_not_supported_until_a_model_has_it(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "dev.csv").write_text(
        'url,split,label,geometry\na.jpg,train,pbw,"POLYGON((10 20,30 20,30 50,10 50,10 20))"\n'
    )
    opened = open_photos(tmp_path)
    with pytest.raises(Problem, match=r"422.32 PECTGO"):
        list(opened.examples(skip=pytest.fail))
    (example,) = opened.examples(("GNORAB", "HELIAR", "NOCTUID_LARGE", "PECTGO"), skip=pytest.fail)
    assert example.true_counts == (0, 0, 0, 1)


def test_an_empty_bollwm_label_is_a_photo_without_pests_but_not_in_the_unlabelled_split(tmp_path):
    for name in "abc":
        picture(tmp_path / f"{name}.jpg")
    (tmp_path / "dev.csv").write_text(
        "url,split,label,geometry\na.jpg,val,,\nb.jpg,test,,\nc.jpg,train,pbw,LINESTRING (0 0)\nd.jpg,train,,\n"
    )
    opened = open_photos(tmp_path)
    assert [(photo.name, photo.split, dict(photo.insects)) for photo in opened.photos] == [
        ("a.jpg", "val", {"PECTGO": 0})
    ]
    assert [name for name, _ in opened.skipped] == ["b.jpg", "c.jpg", "d.jpg"]
    assert "never published" in opened.skipped[0].why
    assert "LINESTRING" in opened.skipped[1].why


def test_one_bad_label_skips_its_photo_alone(tmp_path):
    for name in ("good", "outside", "other-size", "unlabelled", "torn", "bomb"):
        picture(tmp_path / f"{name}.jpg")
    moth = [(10, 20, 30, 50, "moth")]
    (tmp_path / "good.xml").write_text(annotation("good.jpg", moth))
    (tmp_path / "outside.xml").write_text(annotation("outside.jpg", [*moth, (300, 20, 330, 50, "moth")]))
    (tmp_path / "other-size.xml").write_text(annotation("other-size.jpg", moth, (400, 400)))
    (tmp_path / "torn.xml").write_text(annotation("torn.jpg", moth)[:-20])
    (tmp_path / "bomb.xml").write_text("<!DOCTYPE x [<!ENTITY a 'b'>]>" + annotation("bomb.jpg", moth))
    (tmp_path / "gone.xml").write_text(annotation("../gone.jpg", moth))
    opened = open_photos(tmp_path, species=MAP)
    assert [photo.name for photo in opened.photos] == ["good.jpg"]
    why = dict(opened.skipped)
    assert "outside" in why["outside.jpg"]
    assert "400 x 400" in why["other-size.jpg"]
    assert why["unlabelled.jpg"] == "it has no annotation"
    assert {"torn.xml", "bomb.xml", "../gone.jpg"} <= why.keys()


def test_a_missing_yolo_file_is_not_an_empty_trap(tmp_path):
    yolo(tmp_path)
    for name in "bcd":
        picture(tmp_path / "train" / "images" / f"{name}.jpg")
    (tmp_path / "train" / "labels" / "b.txt").write_text("")
    (tmp_path / "train" / "labels" / "c.txt").write_text("5 0.1 0.1 0.1 0.1\n")
    opened = open_photos(tmp_path, species=MAP)
    assert [sum(photo.insects.values()) for photo in opened.photos] == [1, 0]
    assert [why for _, why in opened.skipped] == [
        "its label file cannot be read: line 1 has the unknown class 5",
        "it has no label file",
    ]


@pytest.mark.parametrize("names", ["names: [fly, 'moth']", "names:\n- fly\n- moth", "names: {0: fly, 1: moth}"])
def test_class_names_come_in_several_spellings(tmp_path, names):
    yolo(tmp_path)
    (tmp_path / "data.yaml").write_text(f"nc: 2\n{names}\n")
    assert open_photos(tmp_path, species=MAP).insects() == {"GNORAB": 1}


def test_boxes_lie_right_on_a_photo_that_exif_turns(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, size in (("stored", (200, 100)), ("upright", (100, 200))):
        picture(tmp_path / f"{name}.jpg", exif=exif)
        (tmp_path / f"{name}.xml").write_text(annotation(f"{name}.jpg", [(10, 20, 30, 50, "moth")], size))
    stored, upright = open_photos(tmp_path, species=MAP).examples(skip=pytest.fail)
    assert stored.image.shape == (100, 200, 3)
    assert upright.image.shape == (200, 100, 3)


def test_a_photo_larger_than_a_phone_keeps_is_shrunk_and_its_boxes_with_it(tmp_path):
    for name, width, height in (("as_it_is", 4000, 200), ("shrunk", 5120, 640)):
        picture(tmp_path / f"{name}.png", width, height)
        boxes = [(100, 20, 140, 120, "moth")]
        (tmp_path / f"{name}.xml").write_text(annotation(f"{name}.png", boxes, (width, height)))
    as_it_is, shrunk = open_photos(tmp_path, species=MAP).examples(skip=pytest.fail)
    assert as_it_is.image.shape == (200, 4000, 3)
    assert shrunk.image.shape == (512, 4096, 3)
    assert shrunk.points[0] == pytest.approx((96, 56, 0, 80))


def test_bare_counts_teach_and_say_nothing_of_empty_cells(tmp_path):
    for name in "abc":
        picture(tmp_path / f"{name}.jpg")
    (tmp_path / "counts.csv").write_text(
        "file,trap,taken_at,split,GNORAB,HELIAR\na.jpg,T1,2026-06-01,train,12,\nb.jpg,T1,,val,3,0\nc.jpg,T2,,train,many,\n"
    )
    opened = open_photos(tmp_path)
    example, _ = opened.examples(skip=pytest.fail)
    assert (example.count_only, example.true_counts, example.silent) == (True, (12, 0, 0), {1, 2})
    assert (example.trap, example.taken_at) == ("T1", "2026-06-01")
    assert opened.torn_traps() == {"T1": ("train", "val")}
    assert opened.skipped[0].why == "'many' is no count of GNORAB"


def test_corrections_of_a_job_are_read_with_and_without_marks(tmp_path):
    picture(tmp_path / "photos" / "a.jpg")
    picture(tmp_path / "photos" / "b.jpg")
    mark = {"x": 0.5, "y": 0.5, "species": "GNORAB"}
    photos = [
        {"counts": {"GNORAB": 1, "HELIAR": 0}, "by": "officer", "marks": [mark]},
        {"counts": {"GNORAB": 5}, "by": "farmer"},
    ]
    job = {
        "photos": [
            {"sha256": name * 64, "file": f"photos/{name}.jpg", "trap": "7.1", "taken_at": "2026-06-01T00:00:00Z"}
            | {"recount": recount}
            for name, recount in zip("ab", photos, strict=True)
        ]
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    marked, counted = open_photos(tmp_path).examples(skip=pytest.fail)
    assert marked.points[0] == pytest.approx((100, 50, 0, 24))
    assert (marked.count_only, marked.silent, marked.trap) == (False, {2}, "7.1")
    assert (counted.count_only, counted.true_counts, counted.silent) == (True, (5, 0, 0), {1, 2})


def test_traps_can_be_named_beside_the_labels(tmp_path):
    voc(tmp_path)
    (tmp_path / "traps.csv").write_text("file,trap,taken_at,split\na.jpg,T9,,val\n")
    (photo,) = open_photos(tmp_path, species=MAP).photos
    assert (photo.trap, photo.split) == ("T9", "val")


def test_the_three_photo_sets_open_as_well(tmp_path):
    opened = open_photos(write_photo_sets(tmp_path))
    assert opened.format == "photo_sets"
    sizes = {split: sum(photo.split == split for photo in opened.photos) for split in ("train", "test_trap")}
    assert sizes == {"train": 7, "test_trap": 1}
    assert all(example.source for example in opened.examples(skip=pytest.fail))


def test_the_command_says_what_is_there_and_names_what_it_skips(tmp_path):
    voc(tmp_path)
    picture(tmp_path / "cut.jpg")
    (tmp_path / "cut.xml").write_text(annotation("cut.jpg", [(10, 20, 30, 50, "moth")]))
    whole = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "map.toml").write_text('moth = "PECTGO"\nfly = "by_catch"\n')
    asked = ["data", str(tmp_path), "--species", str(tmp_path / "map.toml"), "--check"]
    said = CliRunner().invoke(main, asked)
    assert said.exit_code == 0, said.output
    assert "format voc: 1 photos can be used, 1 were skipped" in said.stdout
    assert "PECTGO: not supported yet" in said.stdout
    assert "name no trap" in said.stdout
    assert "skipped cut.jpg: cut.jpg is not a photo." in said.stdout


def test_a_folder_without_labels_is_refused(tmp_path):
    picture(tmp_path / "a.jpg")
    said = CliRunner().invoke(main, ["data", str(tmp_path)])
    assert said.exit_code == 1
    assert "422.30" in said.stderr
    assert CliRunner().invoke(main, ["data", str(tmp_path), "--format", "xls"]).exit_code == 2


@pytest.mark.parametrize("numbers", ["nan 0.5 0.1 0.1", "0.5 0.5 inf 0.1", "0.5 0.5 -0.1 0.1", "0.5 0.5", "x 0 0 0"])
def test_numbers_that_are_no_box_skip_the_photo(tmp_path, numbers):
    yolo(tmp_path)
    (tmp_path / "train" / "labels" / "a.txt").write_text(f"1 {numbers}\n")
    opened = open_photos(tmp_path, species=MAP)
    assert (len(opened.photos), [name for name, _ in opened.skipped]) == (0, ["train/images/a.jpg"])


def test_files_of_others_do_not_disturb(tmp_path):
    voc(tmp_path)
    (tmp_path / "notes.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "x.csv.gz").write_bytes(b"no gzip")
    (tmp_path / "y.json").write_bytes(b"\xff{")
    (tmp_path / "z.xml").write_text("<svg/>")
    assert len(open_photos(tmp_path, species=MAP).photos) == 1


def test_short_and_long_rows_are_read_as_far_as_they_go(tmp_path):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "b.jpg")
    (tmp_path / "counts.csv").write_text("file,GNORAB,trap\na.jpg,3\nb.jpg,2,T1,more,and more\n")
    opened = open_photos(tmp_path)
    assert [(photo.trap, photo.insects) for photo in opened.photos] == [("", {"GNORAB": 3}), ("T1", {"GNORAB": 2})]


def test_a_picture_outside_the_folder_is_not_reached(tmp_path):
    inside = tmp_path / "inside"
    picture(tmp_path / "secret.jpg")
    inside.mkdir()
    (inside / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (inside / "counts.csv").write_text("file,GNORAB\n../secret.jpg,3\nlink.jpg,3\n")
    opened = open_photos(inside)
    assert (opened.photos, len(opened.skipped)) == ((), 2)


@pytest.mark.parametrize("content", ["{", '{"photos": [{"file": 3}]}', "[]", '{"photos": 5}'])
def test_a_damaged_job_is_named(tmp_path, content):
    (tmp_path / "job.json").write_text(content)
    with pytest.raises(Problem, match=r"422.33 .*job.json"):
        open_photos(tmp_path)
