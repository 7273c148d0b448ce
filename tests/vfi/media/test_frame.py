from fractions import Fraction

import numpy as np

from vfi.media import Color, Frame, VideoReader

MOMENT = Fraction(1001, 30000)


def test_a_decoded_picture_goes_to_the_encoder_as_it_is(film):
    with VideoReader(film()) as reader:
        frame = next(iter(reader))
        assert frame.encoded_as("yuv420p", frame.color) is frame.picture


def test_a_frame_shown_again_is_the_same_picture_at_another_time():
    frame = Frame(MOMENT, MOMENT, Color(), pixels=np.zeros((2, 2, 3), np.uint8))
    again = frame.at(2 * MOMENT)
    assert (again.time, again.duration) == (2 * MOMENT, MOMENT)
    assert again.rgb is frame.rgb


def test_pixels_are_converted_once(film):
    with VideoReader(film()) as reader:
        frame = next(iter(reader))
        assert frame.rgb is frame.rgb
