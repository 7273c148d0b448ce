"""What the frames around two others do for those between them, on films whose motion changes."""

from fractions import Fraction
from functools import partial
from itertools import pairwise

import cv2
import numpy as np
import pytest

from vfi.compare import compare
from vfi.course import Course
from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.media import Color, Frame
from vfi.pipeline import interpolate
from vfi.remake import Gap, by_gaps
from vfi.spans import Content
from vfi.timing import Factor
from vfi.triplets import open_triplets
from vfi.triplets.triplet import Beside

HALF = [Fraction(1, 2)]
TICK = Fraction(1, 50)


def texture(seed, size):
    noise = np.random.default_rng(seed).integers(0, 256, (size[0] // 6, size[1] // 6, 3), np.uint8)
    return cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC)


WALL, THING = texture(0, (180, 400)), texture(1, (48, 48))


def shown(number, size=(160, 120)):
    """A camera that swings over a wall, before which a thing falls; RGB (120, 160, 3) uint8."""
    swing = 60 + 40 * np.cos(number / 4)
    view = np.array([[1, 0, -swing], [0, 1, -20]])
    picture = cv2.warpAffine(WALL, view, (160, 120), flags=cv2.INTER_CUBIC)
    fall = np.array([[1.0, 0, 90 - 2 * number], [0, 1, 0.3 * number**2 - 10]])
    mask = cv2.warpAffine(np.ones((48, 48), np.float32), fall, (160, 120))[..., None]
    thing = cv2.warpAffine(THING, fall, (160, 120), borderMode=cv2.BORDER_REPLICATE)
    return np.rint(picture + mask * (thing.astype(np.float32) - picture)).astype(np.uint8)


FILM = [shown(number) for number in range(17)]
KEPT = FILM[::2]


def frames():
    for number, image in enumerate(KEPT):
        yield Frame(2 * number * TICK, 2 * TICK, Color(), pixels=image)


def scores(made):
    return [cv2.PSNR(image, true) for image, true in zip(made, FILM[1::2], strict=True)]


@pytest.mark.parametrize(("model", "backend"), [("classical", "torch"), ("fast", "torch"), ("fast", "openvino")])
def test_what_speeds_up_and_turns_is_where_it_was(model, backend):
    if backend != "torch":
        pytest.importorskip(backend)
    between = Interpolator.load(model, "cpu", "float32", backend=backend)
    found = {}
    for course in ("straight", "curved"):
        content = Content(course=course)
        made = interpolate(frames(), between, Factor(Fraction(2)), content)
        found[course] = scores([frame.rgb for frame in made if frame.origin == "made"])
    gains = np.subtract(found["curved"], found["straight"])
    assert gains.mean() > 1.5
    assert gains.min() > -0.3
    pairs = [between(*pair, HALF)[0] for pair in pairwise(KEPT)]
    assert found["straight"] == scores(pairs)


@pytest.mark.parametrize("model", ["flow-fusion", "classical"])
def test_openvino_follows_a_course_as_pytorch_does(model):
    pytest.importorskip("openvino")
    made = []
    for backend in ("torch", "openvino"):
        between = Interpolator.load(model, "cpu", "float32", backend=backend)
        course = Course(between)
        made += course.images(KEPT[1], KEPT[2], HALF, Beside(KEPT[0], Fraction(1)), Beside(KEPT[3], Fraction(1)))
    difference = np.abs(made[0].astype(int) - made[1])
    assert (difference <= 1).mean() >= 0.999
    straight = between(KEPT[1], KEPT[2], HALF)[0]
    assert (np.abs(made[0].astype(int) - straight) > 8).mean() > 0.1


def test_a_start_without_a_course_is_that_of_the_pair_alone():
    between = Interpolator.load("classical", "cpu", backend="torch")
    start = between.start(*KEPT[1:3])
    assert between.curved(start, None, None) is start
    assert np.array_equal(between(*KEPT[1:3], HALF, start)[0], between(*KEPT[1:3], HALF)[0])


def test_tiles_follow_the_course_of_the_whole():
    images = [cv2.resize(image, (400, 300), interpolation=cv2.INTER_CUBIC) for image in KEPT[:4]]
    made = []
    for tile in ("off", 128):
        between = Interpolator.load("classical", "cpu", "float32", tile=tile)
        course = Course(between)
        made += course.images(*images[1:3], HALF, Beside(images[0], Fraction(1)), Beside(images[3], Fraction(1)))
    assert np.abs(made[0].astype(int) - made[1]).max() <= 1


class Noting:
    """Notes which pairs were started, and what each was told."""

    def __init__(self):
        self.started, self.told = [], []

    def __call__(self, before, after, times):
        return [before for _ in times]

    def start(self, before, after):
        self.started.append((int(before[0, 0, 0]), int(after[0, 0, 0])))
        return self.started[-1]

    def curved(self, start, before, after):
        self.told.append((before, start, after))
        return start

    def make(self, before, after, times, start):
        return ((before, None) for _ in times)


def level(number, size=(32, 24)):
    return np.full((size[1], size[0], 3), number, np.uint8)


def test_methods_that_are_compared_know_the_gaps_around_and_start_each_once():
    between = Noting()
    images = [level(10 * number) for number in range(4)]
    gaps = [
        Gap(*pair, (Fraction(1, 2),), Fraction(span)) for pair, span in zip(pairwise(images), (1, 2, 1), strict=True)
    ]
    assert len(list(by_gaps(between, iter(gaps)))) == 3
    assert sorted(between.started) == [(0, 10), (10, 20), (20, 30)]
    half = Fraction(1, 2)
    assert between.told == [
        (None, (0, 10), ((10, 20), 2)),
        (((0, 10), half), (10, 20), ((20, 30), half)),
        (((10, 20), 2), (20, 30), None),
    ]


def test_films_are_evaluated_and_compared_in_the_knowledge_of_what_is_around(film):
    lossless = {"codec": "ffv1", "pix_fmt": "bgr0"}
    path = film("swing.mkv", frames=17, size=(160, 120), picture=shown, **lossless)
    between = Interpolator.load("classical", "cpu", "float32")
    straight, curved = (evaluate(between, open_triplets(path), curved=curved) for curved in (False, True))
    assert curved.psnr > straight.psnr + 1.5
    compared = compare(path, {"classical": partial(by_gaps, between)})
    assert compared.methods[0].mean("psnr") == pytest.approx(curved.psnr, abs=0.01)
