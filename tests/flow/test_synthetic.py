import cv2
import numpy as np
import pytest

from flow.synthetic import Layer, Scene, Velocity, random_scene


def textures(count=3):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (count, 40, 60, 3), np.uint8)
    return [cv2.resize(image, (360, 240), interpolation=cv2.INTER_CUBIC) for image in noise]


def places(size):
    return np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])), axis=-1).astype(np.float32)


def shifting(texture, x, y, size=(48, 64)):
    still = Velocity(np.zeros(2), np.array([x, y], float), np.zeros((2, 2)), np.zeros((0, 5)))
    return Scene(size, (Layer(texture.astype(np.float32) / 255, np.zeros(2), still),), own=0.0)


def test_a_layer_that_moves_by_whole_pixels_is_a_shifted_picture():
    scene = shifting(textures()[0], 6, -4)
    first, last = scene.picture(0), scene.picture(1)
    assert np.array_equal(first[4:, :-6], last[:-4, 6:])
    assert np.array_equal(scene.flow(0, 1)[5, 5], [6, -4])
    assert np.array_equal(scene.flow(0.5, 0)[5, 5], [-3, 2])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("start", "end"), [(0.3, 0.0), (0.3, 1.0), (0.0, 1.0), (1.0, 0.0)])
def test_the_flow_leads_from_one_picture_to_the_other(seed, start, end):
    """Wherever both times show the same thing, which is nearly everywhere, the looked-up picture is the same."""
    scene = random_scene(textures(), (96, 128), np.random.default_rng(seed), own=0.3, plain=True)
    x, y = (places(scene.size) + scene.flow(start, end)).transpose(2, 0, 1)
    found = cv2.remap(scene.picture(end), x, y, cv2.INTER_CUBIC)
    inside = (x >= 0) & (x <= 127) & (y >= 0) & (y <= 95)
    error = np.abs(found.astype(int) - scene.picture(start)).mean(2)[inside]
    assert np.median(error) < 2.5
    # The measure is no empty one: without the flow the error is far larger.
    if np.abs(scene.flow(start, end)).mean() > 3:
        still = np.abs(scene.picture(end).astype(int) - scene.picture(start)).mean(2)[inside]
        assert np.median(error) < 0.3 * np.median(still)


@pytest.mark.parametrize("seed", range(6))
def test_going_back_along_a_velocity_undoes_it(seed):
    layer = random_scene(textures(), (96, 128), np.random.default_rng(seed)).layers[-1]
    start = places((96, 128))
    moved = start + 0.7 * layer.velocity(start)
    np.testing.assert_allclose(layer.velocity.origin(moved, 0.7), start, atol=2e-3)


def test_no_layer_is_faster_than_asked_for_at_its_centre():
    rng = np.random.default_rng(0)
    for _ in range(50):
        for layer in random_scene(textures(), (48, 100), rng, largest=0.12).layers:
            assert np.hypot(*layer.velocity.shift) <= 12.001


def test_the_same_seed_makes_the_same_scene():
    first, second = (random_scene(textures(), (48, 64), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.picture(0.25), second.picture(0.25))
    assert np.array_equal(first.flow(0, 1), second.flow(0, 1))


def test_an_object_hides_what_is_behind_it():
    ground, front = textures(2)
    scene = shifting(ground, 0, 0)
    layer = shifting(front, 10, 0).layers[0]
    outline = np.zeros(front.shape[:2], np.float32)
    outline[10:30, 10:30] = 1
    scene = Scene(scene.size, (*scene.layers, Layer(layer.texture, layer.offset, layer.velocity, outline)), own=0.0)
    flow = scene.flow(1, 0)
    assert (flow[12:28, 22:38, 0] == -10).all()
    assert (flow[32:, :, 0] == 0).all()
    assert np.array_equal(scene.picture(1)[12:28, 22:38], front[12:28, 12:28])


def test_exposure_brightens_the_picture_in_proportion_to_time():
    scene = shifting(np.full((48, 64, 3), 100, np.uint8), 0, 0)
    brightening = Scene(scene.size, scene.layers, scene.own, exposure=(1.0, 1.5))
    assert [int(brightening.picture(time).mean()) for time in (0, 0.5, 1)] == [100, 125, 150]


@pytest.mark.parametrize("seed", range(8))
def test_nothing_of_a_layer_is_seen_beyond_its_box(seed):
    textures = [np.full((60, 80, 3), 200, np.uint8)]
    scene = random_scene(textures, (90, 130), np.random.default_rng(seed), slowest=0.1, largest=0.4)
    y, x = np.mgrid[:90, :130].astype(np.float32)
    for layer in scene.layers[1:]:
        for time in (0.0, 0.4, 1.0):
            looked_up = layer.velocity.origin(np.stack([x, y], axis=-1), time - scene.own) - layer.offset
            cover = cv2.remap(layer.outline, looked_up, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
            cover[layer.box((90, 130), time - scene.own)] = 0
            assert not cover.any()
