"""Scenes whose motion is known exactly: image pairs and triplets to train and to measure with.

A scene is a stack of textured layers, each of which moves on straight lines at constant speed: what is at u at the
scene's own time is at ``u + (time - own) * velocity(u)`` at any other time. Velocities are affine plus a smooth ripple,
so that the inverse is a short fixed-point iteration. Times run from 0 to 1, lengths are in pixels.
Source: the idea is that of FlyingChairs, arXiv:1504.06852.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

ITERATIONS = 6  # each shrinks the error of the inverse by the ripple's slope, a tenth at most
SHUTTER_STEPS = 7
_SUPPORT = 3  # pixels to either side that a look-up between pixels takes, and one for rounding


@dataclass(frozen=True)
class Velocity:
    """Pixels per unit of time as a function of the place: affine, and waves whose slope is at most a tenth."""

    centre: np.ndarray  # (2,) x, y
    shift: np.ndarray  # (2,) velocity at the centre
    slope: np.ndarray  # (2, 2) change of the velocity with the place
    waves: np.ndarray  # (N, 5): amplitude x, y; frequency x, y in radians a pixel; phase

    def ripple(self, places: np.ndarray) -> np.ndarray:
        """The waves alone; places (..., 2), returns (..., 2)."""
        total = np.zeros_like(places)
        for ax, ay, fx, fy, phase in self.waves:
            wave = np.sin(fx * places[..., 0] + fy * places[..., 1] + phase, dtype=np.float32)
            total[..., 0] += ax * wave
            total[..., 1] += ay * wave
        return total

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """Return the velocity at places (..., 2)."""
        return _affine(places, self.slope, self.shift - self.slope @ self.centre) + self.ripple(places)

    def origin(self, places: np.ndarray, elapsed: float) -> np.ndarray:
        """Return where what is at ``places`` (..., 2) was ``elapsed`` before: solves u + elapsed * v(u) = place."""
        if not elapsed:
            return places
        inverse = np.linalg.inv(np.eye(2) + elapsed * self.slope)
        offset = self.centre - inverse @ (self.centre + elapsed * self.shift)
        found = _affine(places, inverse, offset)
        if len(self.waves):
            for _ in range(ITERATIONS):
                found = _affine(places - elapsed * self.ripple(found), inverse, offset)
        return found


@dataclass(frozen=True)
class Layer:
    """A picture with its outline and motion."""

    texture: np.ndarray  # (h, w, 3) float32 in [0, 1]; repeats by reflection
    offset: np.ndarray  # (2,) where the texture's top left is at the scene's own time
    velocity: Velocity
    outline: np.ndarray | None = None  # (h, w) float32 in [0, 1], opaque where 1; None covers the whole frame
    shade: float | None = None  # a shadow's darkness instead of the texture: it has no motion of its own

    def box(self, size: tuple[int, int], elapsed: float) -> tuple[slice, slice]:
        """Return the rows and columns of a frame of ``size`` beyond which an outline is not seen, after a time."""
        if self.outline is None:
            return slice(None), slice(None)
        height, width = self.outline.shape
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32) + self.offset
        still = replace(self.velocity, waves=self.velocity.waves[:0])
        moved = corners + elapsed * still(corners)
        spare = np.abs(elapsed * self.velocity.waves[:, :2]).sum(0) + _SUPPORT
        least = np.floor(moved.min(0) - spare).clip(0, size[::-1]).astype(int)
        most = np.ceil(moved.max(0) + spare + 1).clip(0, size[::-1]).astype(int)
        return slice(least[1], most[1]), slice(least[0], most[0])


@dataclass(frozen=True)
class Scene:
    """Layers from back to front; the first one covers the frame."""

    size: tuple[int, int]  # height, width
    layers: tuple[Layer, ...]
    own: float  # the time at which layers are where they were laid
    exposure: tuple[float, float] = (1.0, 1.0)  # brightness at time 0 and 1
    shutter: float = 0.0  # time over which a picture is averaged

    def picture(self, time: float) -> np.ndarray:
        """Return the picture at a time, (H, W, 3) uint8 RGB."""
        if self.shutter:
            moments = time + self.shutter * (np.arange(SHUTTER_STEPS) / (SHUTTER_STEPS - 1) - 0.5)
        else:
            moments = np.array([time])
        pictures = [self._render(float(moment)) for moment in moments]
        light = np.mean(pictures, axis=0) if len(pictures) > 1 else pictures[0]
        exposure = self.exposure[0] + time * (self.exposure[1] - self.exposure[0])
        return (light * (255 * exposure) + 0.5).clip(0, 255).astype(np.uint8)

    def flow(self, start: float, end: float) -> np.ndarray:
        """Return where what is seen at ``start`` is at ``end``, (H, W, 2) float32: dx, dy."""
        flow: np.ndarray = np.zeros((*self.size, 2), np.float32)
        for layer in self.layers:
            if layer.shade is not None:
                continue
            box = layer.box(self.size, start - self.own)
            places = layer.velocity.origin(_grid(self.size)[box], start - self.own)
            motion = (end - start) * layer.velocity(places)
            if layer.outline is None:
                flow = motion
            elif motion.size:
                solid = _look_up(layer.outline, places - layer.offset, cv2.BORDER_CONSTANT) > 0.5
                flow[box] = np.where(solid[..., None], motion, flow[box])
        return flow.astype(np.float32)

    def _render(self, time: float) -> np.ndarray:
        canvas: np.ndarray = np.zeros((*self.size, 3), np.float32)
        for layer in self.layers:
            box = layer.box(self.size, time - self.own)
            places = layer.velocity.origin(_grid(self.size)[box], time - self.own) - layer.offset
            if layer.outline is None:
                canvas = _look_up(layer.texture, places, cv2.BORDER_REFLECT_101)
                continue
            if not places.size:
                continue
            cover, part = _look_up(layer.outline, places, cv2.BORDER_CONSTANT)[..., None], canvas[box]
            if layer.shade is not None:
                part *= 1 - layer.shade * cover
            else:
                part += cover * (_look_up(layer.texture, places, cv2.BORDER_REFLECT_101) - part)
        return canvas.clip(0, 1)


def random_scene(
    textures: Sequence[np.ndarray],
    size: tuple[int, int],
    rng: np.random.Generator,
    *,
    slowest: float = 0.0,
    largest: float = 0.12,
    own: float = 0.5,
    plain: bool = False,
) -> Scene:
    """Return a scene of one to four layers cut from textures, (h, w, 3) uint8 RGB of any size.

    slowest, largest: least and greatest displacement of the layers' centres from time 0 to 1, as fractions of the
    width; own: the time between them at which layers are laid and flow is cheapest;
    plain: without shadow, change of light and motion blur, so that only the motion changes the pictures.
    """
    speeds = (slowest * size[1], largest * size[1])
    objects = int(rng.integers(0, 4))
    layers = [_ground(textures, size, rng, _random_velocity(size, rng, speeds))]
    layers += [_object(textures, size, rng, _random_velocity(size, rng, speeds)) for _ in range(objects)]
    if not plain and rng.random() < 0.2:
        shadow = _object(textures, size, rng, _random_velocity(size, rng, speeds))
        assert shadow.outline is not None
        soft = cv2.GaussianBlur(shadow.outline, (0, 0), rng.uniform(1, 8))
        layers.append(replace(shadow, outline=soft, shade=rng.uniform(0.1, 0.5)))
    exposure, shutter = (1.0, 1.0), 0.0
    if not plain and rng.random() < 0.2:
        exposure = (rng.uniform(0.85, 1.15), rng.uniform(0.85, 1.15))
    if not plain and rng.random() < 0.1:
        shutter = rng.uniform(0.1, 0.4)
    return Scene(size, tuple(layers), own, exposure, shutter)


def _random_velocity(size: tuple[int, int], rng: np.random.Generator, speeds: tuple[float, float]) -> Velocity:
    height, width = size
    # Most motion is slow: its logarithm is spread evenly, down to half a pixel.
    least, most = (max(0.5, speed) for speed in speeds)
    speed = np.exp(rng.uniform(np.log(least), np.log(most)))
    direction = rng.uniform(0, 2 * np.pi)
    shift = speed * np.array([np.cos(direction), np.sin(direction)])
    slope = np.zeros((2, 2))
    if rng.random() < 0.6:
        zoom, turn, shear = rng.normal(0, (0.03, 0.04, 0.015))
        slope = np.array([[zoom, shear - turn], [shear + turn, zoom]]).clip(-0.15, 0.15)
    waves = np.zeros((0, 5))
    if rng.random() < 0.4:
        count = int(rng.integers(1, 4))
        lengths = rng.uniform(0.2, 1.0, count) * max(size)
        angles = rng.uniform(0, 2 * np.pi, count)
        frequencies = 2 * np.pi / lengths
        amplitudes = rng.uniform(0, 0.1 / count, count) / frequencies
        turned = rng.uniform(0, 2 * np.pi, count)
        waves = np.stack(
            [
                amplitudes * np.cos(turned),
                amplitudes * np.sin(turned),
                frequencies * np.cos(angles),
                frequencies * np.sin(angles),
                rng.uniform(0, 2 * np.pi, count),
            ],
            axis=1,
        )
    centre = rng.uniform(0.2, 0.8, 2) * (width, height)
    as32 = [part.astype(np.float32) for part in (centre, shift, slope, waves)]
    return Velocity(*as32)


def _ground(
    textures: Sequence[np.ndarray], size: tuple[int, int], rng: np.random.Generator, velocity: Velocity
) -> Layer:
    margin = int(0.15 * max(size))
    texture = _cut(textures, (size[0] + 2 * margin, size[1] + 2 * margin), rng)
    return Layer(texture, np.full(2, -margin, np.float32), velocity)


def _object(
    textures: Sequence[np.ndarray], size: tuple[int, int], rng: np.random.Generator, velocity: Velocity
) -> Layer:
    side = max(16, int(rng.uniform(0.15, 0.7) * min(size)))
    texture = _cut(textures, (side, side), rng)
    offset = rng.uniform(-0.3 * side, np.array(size[::-1]) - 0.7 * side).astype(np.float32)
    return Layer(texture, offset, velocity, _outline(side, rng))


def _outline(side: int, rng: np.random.Generator) -> np.ndarray:
    """A blob, a star-like shape or a bar, anti-aliased, within a square."""
    angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    if rng.random() < 0.25:
        length, thickness, turn = rng.uniform(0.3, 0.48) * side, rng.uniform(0.01, 0.12) * side, rng.uniform(0, np.pi)
        corners = np.array([[-length, -thickness], [length, -thickness], [length, thickness], [-length, thickness]])
        turned = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        points = turned + side / 2
    else:
        radius = np.ones_like(angles)
        for harmonic in range(2, int(rng.integers(3, 9))):
            radius += rng.normal(0, 0.5 / harmonic) * np.cos(harmonic * angles + rng.uniform(0, 2 * np.pi))
        radius = radius.clip(0.25) / radius.clip(0.25).max() * 0.48 * side
        stretch = rng.uniform(0.4, 1)
        points = side / 2 + np.stack([radius * np.cos(angles), stretch * radius * np.sin(angles)], axis=1)
    shape = np.zeros((side, side), np.uint8)
    cv2.fillPoly(shape, [np.round(points * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    return shape / np.float32(255)


def _cut(textures: Sequence[np.ndarray], size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A random part of a random texture at ``size``, mirrored at random, its colours changed a little."""
    texture = textures[int(rng.integers(len(textures)))]
    height, width = size
    scale = max(height / texture.shape[0], width / texture.shape[1], rng.uniform(0.5, 1.2))
    part_height, part_width = min(texture.shape[0], int(height / scale)), min(texture.shape[1], int(width / scale))
    y = int(rng.integers(texture.shape[0] - part_height + 1))
    x = int(rng.integers(texture.shape[1] - part_width + 1))
    part = np.ascontiguousarray(texture[y : y + part_height, x : x + part_width])
    shrinking = part_height > height
    part = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        part = part[:, ::-1]
    coloured = part[..., rng.permutation(3)].astype(np.float32) / 255
    return np.ascontiguousarray((coloured ** np.float32(rng.uniform(0.7, 1.4))).clip(0, 1))


@functools.lru_cache(maxsize=1)
def _grid(size: tuple[int, int]) -> np.ndarray:
    """The pixel's places (H, W, 2), x then y; not to be written to."""
    grid = np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])), axis=-1).astype(np.float32)
    grid.setflags(write=False)
    return grid


def _affine(places: np.ndarray, linear: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return ``linear`` (2, 2) times every place (..., 2) plus ``offset`` (2,); 50 times as fast as with matmul."""
    matrix = np.column_stack([linear, offset])
    return cv2.transform(places.reshape(-1, 1, 2), matrix).reshape(places.shape) if places.size else places


def _look_up(image: np.ndarray, places: np.ndarray, border: int) -> np.ndarray:
    x_and_y, no_more = places.astype(np.float32, copy=False), np.empty(0, np.float32)
    return cv2.remap(image, x_and_y, no_more, cv2.INTER_CUBIC, borderMode=border)
