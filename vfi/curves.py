"""A training's curves: a CSV file, tensorboard's event file, and a picture."""

import csv
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

SCORES = ("psnr", "ssim", "ie")
FIELDS = ("step", "loss", "lr", *SCORES)


class Curves:
    """The curves of one run folder."""

    def __init__(self, run: Path, step: int = 0) -> None:
        """Go on after ``step``; what an interrupted run wrote beyond it is dropped."""
        self.table, self.picture = run / "curve.csv", run / "curve.png"
        self.rows: list[dict[str, str]] = []
        if self.table.exists():
            with self.table.open(newline="") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step]
        with self.table.open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(self.rows)
        self.tensorboard = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1 if step else None)

    def add(self, step: int, loss: float, lr: float, scores: dict[str, float] | None = None) -> None:
        """Note where a training is; draws the picture anew when there are scores."""
        known = {name: scores[name] for name in SCORES if name in scores} if scores else {}
        row = {"step": str(step), "loss": f"{loss:.6f}", "lr": f"{lr:.4g}"}
        row |= {name: f"{value:.4f}" for name, value in known.items()}
        with self.table.open("a", newline="") as file:
            csv.DictWriter(file, FIELDS).writerow(row)
        self.rows.append(row)
        for name, value in {"loss": loss, "lr": lr, **known}.items():
            self.tensorboard.add_scalar(name, value, step)
        if known:
            self.draw()

    def draw(self) -> None:
        """Write ``curve.png``: the loss, and PSNR where validation ran."""
        # The figure is made without pyplot, which would pick a window system and keep every figure alive.
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.add_subplot(xlabel="step", ylabel="training loss")
        axes.plot([int(r["step"]) for r in self.rows], [float(r["loss"]) for r in self.rows], color="tab:blue")
        scored = [(int(r["step"]), float(r["psnr"])) for r in self.rows if r.get("psnr")]
        if scored:
            right = axes.twinx()
            right.plot(*zip(*scored, strict=True), color="tab:orange", marker="o", markersize=3)
            right.set_ylabel("validation PSNR, dB")
        axes.grid(alpha=0.3)
        figure.savefig(self.picture, dpi=110)

    def close(self) -> None:
        """Draw once more and finish the event file."""
        if self.rows:
            self.draw()
        self.tensorboard.close()
