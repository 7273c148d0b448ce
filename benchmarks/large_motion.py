"""How well large motion is found: scenes with known motion, end-point error of the flow and PSNR of the frame.

    python benchmarks/large_motion.py PHOTOS --model flow-fusion --size 1280x720

PHOTOS is a folder of pictures that the scenes are cut from. Displacements are spread evenly up to 12 % of the width,
every layer of a scene moves on its own; errors are of the flows t->0 and t->1 over all pixels.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from flow.synthetic import random_scene
from flow.warp import resize_flows
from vfi.interpolator import Interpolator
from vfi.media.images import read_image
from vfi.metrics import psnr
from vfi.models.flow_fusion import FlowFusion

BANDS = (0.0, 0.02, 0.04, 0.08, 0.12)  # of the width: displacement of the scene's fastest layer


def main() -> None:
    """Print a row per band of speed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--model", default="flow-fusion")
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--flow-scale", default="auto", help="as `vfi upsample` takes it")
    parser.add_argument("--scenes", type=int, default=10, help="per band")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    textures = [read_image(path) for path in sorted(arguments.photos.iterdir())]
    model = Interpolator.load(arguments.model, "cpu", "float32", arguments.flow_scale, backend="torch").model
    if not isinstance(model, FlowFusion):
        parser.error(f"{arguments.model} has no intermediate flow to measure: choose a flow-fusion model")
    print("fastest layer, % of width | median EPE, px | mean EPE, px | PSNR, dB | PSNR of the blend, dB")
    every: list[np.ndarray] = []
    for low, high in pairwise(BANDS):
        rng = np.random.default_rng(0)
        errors, made, blended = [], [], []
        for _ in range(arguments.scenes):
            scene = random_scene(textures, (height, width), rng, slowest=low, largest=high, plain=True)
            first, middle, last = (scene.picture(time) for time in (0.0, 0.5, 1.0))
            tensors = [torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 for image in (first, last)]
            t = torch.full((1, 1, 1, 1), 0.5)
            with torch.inference_mode():
                pair = model.prepare(*tensors)
                motion = model.motion(pair, t)
                frame = model.fuse(pair, motion, t).frame.clamp(0, 1)
            true = np.concatenate([scene.flow(0.5, 0.0), scene.flow(0.5, 1.0)], axis=2)
            flows = resize_flows(motion.flows, (height, width))
            error = (flows[0].permute(1, 2, 0).numpy() - true).reshape(height, width, 2, 2)
            errors.append(np.sqrt((error**2).sum(-1)).ravel()[::7])
            made.append(psnr(frame[0].permute(1, 2, 0).mul(255).round().byte().numpy(), middle))
            blended.append(psnr(((first.astype(int) + last + 1) // 2).astype(np.uint8), middle))
        found = np.concatenate(errors)
        every.append(found)
        print(
            f"{100 * low:.0f} to {100 * high:.0f} | {np.median(found):.2f} | {found.mean():.2f} | "
            f"{np.mean(made):.2f} | {np.mean(blended):.2f}"
        )
    print(f"all: median EPE {np.median(np.concatenate(every)):.2f} px")


if __name__ == "__main__":
    main()
