"""Augmentation that keeps the flow true: what moved still moves to where it is seen.

Everything that moves pixels is one affine map a frame, from the pixels of the output to those of the input, so each
frame is resampled once. If ``p`` in the first output frame shows ``A0 p`` of the first input, and ``q`` in the second
shows ``A1 q`` of the second, then what is at ``p`` is afterwards at ``A1^-1 (A0 p + flow(A0 p))``.
"""

from dataclasses import dataclass, replace
from statistics import NormalDist

import cv2
import numpy as np

from flow.datasets import Sample

_TRIES = 20  # rotations, each smaller than the one before, until the crop is within the frame
_UNEVEN = 1.0  # pixels by which the flow changes from neighbour to neighbour at the edge of something that moves
# 256 equally probable values of a normal distribution: noise of them costs a tenth of one drawn exactly.
_NORMAL = np.array([NormalDist().inv_cdf((level + 0.5) / 256) for level in range(256)], np.float32)


@dataclass(frozen=True)
class Augmentation:
    """How much is changed; the defaults are those of FlowNetS, but for the flips, which it has none of.

    Relative changes come on top of the second frame, and are normally distributed: what is told is their deviation.
    Source: Dosovitskiy 2015, arXiv:1504.06852, section 5.1.
    """

    crop: tuple[int, int] = (320, 448)  # height, width of what comes out
    zoom: tuple[float, float] = (0.9, 2.0)  # above 1 enlarges; its logarithm is spread evenly
    rotation: float = 17.0  # degrees, to either side
    flip_x: float = 0.5  # the probability to swap left and right
    flip_y: float = 0.1  # and up and down
    relative_zoom: float = 0.02  # of its logarithm
    relative_rotation: float = 1.0  # degrees
    relative_translation: float = 0.01  # of the width
    noise: float = 0.04  # deviation at most, of white; another for either frame
    brightness: float = 0.2  # deviation of what is added, of white
    contrast: tuple[float, float] = (-0.8, 0.4)  # added to 1
    color: tuple[float, float] = (0.5, 2.0)  # factor of each channel
    gamma: tuple[float, float] = (0.7, 1.5)
    relative_light: float = 0.02  # deviation of the same four of the second frame


PLAIN = Augmentation(
    zoom=(1.0, 1.0),
    rotation=0.0,
    flip_x=0.0,
    flip_y=0.0,
    relative_zoom=0.0,
    relative_rotation=0.0,
    relative_translation=0.0,
    noise=0.0,
    brightness=0.0,
    contrast=(0.0, 0.0),
    color=(1.0, 1.0),
    gamma=(1.0, 1.0),
    relative_light=0.0,
)
"""Only the crop, at a random place."""


def softened(augmentation: Augmentation, light: float) -> Augmentation:
    """Return the augmentation with ``light`` times its changes of colour and brightness and its noise; 0 for none.

    >>> softened(Augmentation(), 0.5).contrast
    (-0.4, 0.2)
    """

    def powers(factors: tuple[float, float]) -> tuple[float, float]:
        return factors[0] ** light, factors[1] ** light

    return replace(
        augmentation,
        noise=augmentation.noise * light,
        brightness=augmentation.brightness * light,
        contrast=(augmentation.contrast[0] * light, augmentation.contrast[1] * light),
        color=powers(augmentation.color),
        gamma=powers(augmentation.gamma),
        relative_light=augmentation.relative_light * light,
    )


@dataclass(frozen=True)
class Geometry:
    """Where in the input the pixels of the output are looked up, in homogeneous coordinates x, y, 1."""

    first: np.ndarray  # (3, 3) float64, affine
    second: np.ndarray


def augment(sample: Sample, augmentation: Augmentation, rng: np.random.Generator) -> Sample:
    """Return the sample as it might as well have been, at the size of the crop.

    A frame smaller than the crop is enlarged to fill it.

    >>> from dataclasses import replace
    >>> frame = np.zeros((20, 30, 3), np.uint8)
    >>> sample = Sample("", frame, frame, np.ones((20, 30, 2), np.float32), np.ones((20, 30), bool))
    >>> made = augment(sample, replace(PLAIN, crop=(8, 8), flip_x=1.0), np.random.default_rng(0))
    >>> made.flow[0, 0].tolist()
    [-1.0, 1.0]
    """
    geometry = draw_geometry(augmentation, sample.valid.shape, rng)
    return change_light(move(sample, geometry, augmentation.crop), augmentation, rng)


def draw_geometry(augmentation: Augmentation, size: tuple[int, ...], rng: np.random.Generator) -> Geometry:
    """Return random maps for frames of ``size`` (height, width); the first shows nothing from beyond its frame."""
    frame = np.array([size[1] - 1, size[0] - 1])  # between the centres of the outermost pixels, x and y
    crop = np.array([augmentation.crop[1] - 1, augmentation.crop[0] - 1])
    flips = [1 - 2 * float(rng.random() < chance) for chance in (augmentation.flip_x, augmentation.flip_y)]
    least = float((crop / np.maximum(frame, 1)).max())
    low, high = (np.log(max(zoom, least)) for zoom in augmentation.zoom)
    zoom = np.exp(rng.uniform(low, high))
    angle = np.deg2rad(rng.uniform(-1, 1) * augmentation.rotation)
    place = rng.random(2)
    for wildness in np.linspace(1, 0, _TRIES):  # without rotation it always fits
        linear = _turn(angle * wildness) @ np.diag(flips) / zoom
        reach = np.abs(linear) @ crop / 2
        room = frame - 2 * reach
        if room.min() >= 0:
            break
    room = np.maximum(room, 0)
    # Whole pixels where nothing else resamples: the crop is then exact.
    corner = np.floor(place * (room + 1)) if zoom == 1 and angle == 0 else place * room
    first = _affine(linear, corner + reach, crop / 2)

    spread = rng.normal(0, 1, 4)
    more_zoom = np.exp(spread[0] * augmentation.relative_zoom)
    more_angle = np.deg2rad(spread[1] * augmentation.relative_rotation)
    shift = spread[2:] * augmentation.relative_translation * augmentation.crop[1]
    relative = _affine(_turn(more_angle) / more_zoom, crop / 2 + shift, crop / 2)
    return Geometry(first, first @ relative)


def move(sample: Sample, geometry: Geometry, size: tuple[int, int]) -> Sample:
    """Return the sample resampled at ``size`` (height, width), its flow, valid and occluded along with it.

    Frames are interpolated bilinearly, so do not shrink them much below half; the second is mirrored beyond its edge.
    The flow is interpolated where it is smooth, and taken from the nearest pixel where it is not, or is unknown
    nearby: a mean of two motions would be nobody's.
    """
    frame0, frame1 = (
        _look_up(frame, matrix, size, cv2.BORDER_REFLECT_101)
        for frame, matrix in ((sample.frame0, geometry.first), (sample.frame1, geometry.second))
    )
    # Three by three pixels hold all four that an interpolation takes.
    around = np.ones((3, 3), np.uint8)
    change = cv2.dilate(sample.flow, around) - cv2.erode(sample.flow, around)
    certain = cv2.erode(sample.valid.astype(np.uint8), around)
    certain[np.maximum(change[..., 0], change[..., 1]) > _UNEVEN] = 0

    # One look-up for all that is taken from the nearest pixel, the same for all; beyond the edge nothing is known.
    known = [mask.astype(np.float32) for mask in (sample.valid, certain, sample.occluded) if mask is not None]
    stacked = cv2.merge([*cv2.split(sample.flow), *known])
    nearest = _look_up(stacked, geometry.first, size, cv2.BORDER_CONSTANT, cv2.INTER_NEAREST)
    smooth = _look_up(sample.flow, geometry.first, size, cv2.BORDER_REPLICATE)
    valid, certain, *occluded = np.moveaxis(nearest[..., 2:] > 0, 2, 0)
    moved = _moved(np.where(certain[..., None], smooth, nearest[..., :2]), geometry)
    moved[~valid] = 0
    return Sample(sample.name, frame0, frame1, moved, valid, occluded[0] if occluded else None)


def _moved(flow: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Return the flow between the output frames, from that of the input at the same pixels (H, W, 2)."""
    back = np.linalg.inv(geometry.second)
    # A1^-1 (A0 p + flow) - p, where that of p alone is a sum of a row and a column, exactly 0 if the maps are equal.
    still = back @ geometry.first - np.eye(3)
    x, y = np.arange(flow.shape[1]), np.arange(flow.shape[0])[:, None, None]
    row = (np.outer(x, still[:2, 0]) + still[:2, 2]).astype(np.float32)
    column = (y * still[:2, 1]).astype(np.float32)
    return cv2.transform(flow, back[:2, :2]) + row + column


def change_light(sample: Sample, augmentation: Augmentation, rng: np.random.Generator) -> Sample:
    """Return the sample with other colours, brightness, contrast, gamma and noise; its flow as it is.

    Both frames change alike, but for small differences and for the noise, which is another in each.
    """
    drawn = np.concatenate(
        [
            [rng.normal(0, 1) * augmentation.brightness, rng.uniform(*augmentation.contrast)],
            np.log(rng.uniform(*augmentation.gamma, 1)),
            np.log(rng.uniform(*augmentation.color, 3)),
        ]
    )
    difference = rng.normal(0, 1, drawn.size) * augmentation.relative_light
    sigma = rng.uniform(0, 1) * augmentation.noise
    frames = [
        _light(frame, values, sigma, rng)
        for frame, values in ((sample.frame0, drawn), (sample.frame1, drawn + difference))
    ]
    return Sample(sample.name, frames[0], frames[1], sample.flow, sample.valid, sample.occluded)


def _light(frame: np.ndarray, values: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    brightness, contrast, log_gamma = values[:3]
    color = np.exp(values[3:])
    if brightness == contrast == log_gamma == sigma == 0 and (color == 1).all():
        return frame
    # Without noise the new value depends on the old one and the channel alone: 256 of them for each.
    levels = np.linspace(0, 1, 256)[:, None] * color
    levels = (levels.clip(0, 1) ** np.exp(log_gamma) - 0.5) * (1 + contrast) + 0.5 + brightness
    table = (255 * levels).astype(np.float32)[:, None]
    if not sigma:
        return cv2.LUT(frame, (table + 0.5).clip(0, 255).astype(np.uint8))
    drawn = np.frombuffer(rng.bytes(frame.size), np.uint8).reshape(frame.shape)
    noise = cv2.LUT(drawn, _NORMAL * np.float32(255 * sigma))
    return cv2.add(cv2.LUT(frame, table), noise, dtype=cv2.CV_8U)  # which rounds and clips


def _turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _affine(linear: np.ndarray, centre: np.ndarray, from_centre: np.ndarray) -> np.ndarray:
    """The map x -> centre + linear (x - from_centre)."""
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = centre - linear @ from_centre
    return matrix


def _look_up(
    image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], border: int, how: int = cv2.INTER_LINEAR
) -> np.ndarray:
    return cv2.warpAffine(image, matrix[:2], size[::-1], flags=how | cv2.WARP_INVERSE_MAP, borderMode=border)
