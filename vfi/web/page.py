"""The page: three tabs of gradio's components, and what happens when their buttons are pressed.

Every file that a visitor sends or gets lies below one folder, gradio's own; nothing else can be read or fetched.
"""

import html
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import gradio as gr

from flow.by_name import CLASSICAL
from flow.checkpoint import shipped_checkpoints
from flow.models import FLOW_MODELS
from vfi.batch import VIDEO_SUFFIXES
from vfi.explain import explain
from vfi.media import MediaError, SlowMotion
from vfi.models import shipped_models
from vfi.spans import Content
from vfi.timing import Factor
from vfi.web.apart import Progress, WorkCancelled, WorkFailed
from vfi.web.before_after import script, style
from vfi.web.jobs import Jobs
from vfi.web.limits import Limits, parse_timing
from vfi.web.work import MakeFilm, MakeFlow, MakePictures

MORE_FRAMES, SLOW_MOTION = "More frames", "Slow motion"
KEEP = 3600  # seconds for which files stay after their last use
BUTTONS = ["download", "fullscreen"]  # of pictures; gradio's third one shares them with a public site
THEME = gr.themes.Default(
    font=[gr.themes.Font("system-ui"), gr.themes.Font("sans-serif")],
    font_mono=[gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")],
)
_CUTS = [("hold the nearer frame", "hold"), ("blend", "blend"), ("interpolate across", "off")]
_HELD = [("keep", "keep"), ("make anew, as motion", "repair")]
_DIVIDE = """
const begin = () => {
  element.innerHTML = props.value ?? "";  // gradio changes what is there, which still obeys the films before
  const films = element.querySelector(".films");
  if (films) divide(films, JSON.parse(films.dataset.films));
};
watch("value", begin);
begin();
"""
_CANCELLED = "Cancelled: nothing is left of it."


def build_page(jobs: Jobs, limits: Limits) -> gr.Blocks:
    """Return the page, not yet served."""
    handlers = Handlers(jobs, limits)
    with gr.Blocks(title="vfi", analytics_enabled=False, delete_cache=(60, KEEP)) as page:
        gr.Markdown("# vfi\nMore frames and slow motion for videos, made by optical flow on this computer.")
        with gr.Tab("Video"):
            _video_tab(handlers, limits)
        with gr.Tab("Pictures"):
            _pictures_tab(handlers)
        with gr.Tab("Flow"):
            _flow_tab(handlers)
        page.unload(handlers.leave)
    return page


def _model_choice() -> gr.Dropdown:
    return gr.Dropdown(shipped_models(), value="flow-fusion", label="Model")


def _picture(label: str) -> gr.Image:
    sources = ["upload", "clipboard"]
    return gr.Image(label=label, type="filepath", image_mode=None, sources=sources, height=260, buttons=["fullscreen"])


def _status() -> gr.Textbox:
    return gr.Textbox(label="Progress and result", interactive=False, lines=3, max_lines=12)


def _buttons(said: str, handlers: "Handlers", handler: Callable, inputs: list, name: str) -> Callable[[list], None]:
    """Add a button that starts work and one that ends it; returns what is to be called with the outputs.

    One piece of work is done at a time, whoever it is for. The first output shows the progress.
    """
    with gr.Row():
        start = gr.Button(said, variant="primary")
        cancel = gr.Button("Cancel")

    def wire(outputs: list) -> None:
        event = start.click(
            handler,
            inputs,
            outputs,
            concurrency_id="work",
            concurrency_limit=1,
            show_progress_on=outputs[0],
            api_name=name,
        )
        cancel.click(handlers.cancel, None, outputs[0], cancels=event, queue=False, api_name=f"cancel_{name}")

    return wire


def _video_tab(handlers: "Handlers", limits: Limits) -> None:
    with gr.Row():
        with gr.Column(min_width=320):
            source = gr.File(
                label=f"Video, up to {limits.bytes / 1e6:g} MB and {limits.seconds} s",
                file_types=["video", *VIDEO_SUFFIXES],
                height=160,
            )
            facts = gr.Textbox(label="The video", interactive=False, lines=2)
        with gr.Column(min_width=320):
            model = _model_choice()
            kind = gr.Radio([MORE_FRAMES, SLOW_MOTION], value=MORE_FRAMES, show_label=False, container=False)
            with gr.Row() as more:
                factor = gr.Radio(["2", "3", "4", "8"], value="2", label="Frames out per frame in", min_width=220)
                fps = gr.Textbox(
                    label="Or frames per second", placeholder="60 or 60000/1001", max_lines=1, min_width=220
                )
            with gr.Row(visible=False) as slower:
                speed = gr.Radio(["1/2", "1/4", "1/8"], value="1/4", label="Speed, times the film's own")
            with gr.Row():
                cuts = gr.Dropdown(_CUTS, value="hold", label="Across scene cuts", min_width=220)
                held = gr.Dropdown(_HELD, value="keep", label="Frames that repeat the one before", min_width=220)
            inputs = [source, model, kind, factor, fps, speed, cuts, held]
            wire = _buttons("Make the video", handlers, handlers.upsample, inputs, "upsample")
    status = _status()
    with gr.Column(visible=False) as result:
        view = gr.HTML(label="Before and after", css_template=style(), js_on_load=script() + _DIVIDE)
        download = gr.DownloadButton("Download", variant="primary")
        with gr.Accordion("Each by itself, with sound", open=False), gr.Row():
            before = gr.Video(label="Before", interactive=False, min_width=320, buttons=["download"])
            after = gr.Video(label="After", interactive=False, min_width=320, buttons=["download"])
    source.upload(handlers.look, source, [facts, source], concurrency_limit=4, api_name="look")
    source.clear(lambda: "", None, facts, api_visibility="private")
    kind.change(
        lambda kind: (gr.Row(visible=kind != SLOW_MOTION), gr.Row(visible=kind == SLOW_MOTION)),
        kind,
        [more, slower],
        queue=False,
        api_visibility="private",
    )
    wire([status, view, before, after, download, result])


def _pictures_tab(handlers: "Handlers") -> None:
    with gr.Row():
        first, second = _picture("First"), _picture("Second")
    with gr.Row():
        model = _model_choice()
        count = gr.Slider(1, 15, value=3, step=1, label="Pictures between")
    inputs = [first, second, model, count]
    wire = _buttons("Make the pictures between", handlers, handlers.make_pictures, inputs, "pictures")
    status = _status()
    gallery = gr.Gallery(label="Between", columns=3, object_fit="contain", interactive=False, buttons=BUTTONS)
    download = gr.DownloadButton("Download all", variant="primary", visible=False)
    wire([status, gallery, download])


def _flow_tab(handlers: "Handlers") -> None:
    with gr.Row():
        first, second = _picture("From"), _picture("To")
    networks = sorted(shipped_checkpoints(FLOW_MODELS))
    model = gr.Dropdown([name for name in CLASSICAL if name != "zero"] + networks, value="dis", label="Found by")
    wire = _buttons("Find the flow", handlers, handlers.find_flow, [first, second, model], "flow")
    status = _status()
    with gr.Row():
        colors = gr.Image(label="Direction and speed", interactive=False, type="filepath", buttons=BUTTONS)
        arrows = gr.Image(label="Arrows", interactive=False, type="filepath", buttons=BUTTONS)
    wire([status, colors, arrows])


def visitor_of(request: gr.Request) -> str:
    """Return what tells one open page from another."""
    return str(request.session_hash)


class Handlers:
    """What the buttons do. Errors become one sentence, in which files go by their names alone."""

    def __init__(self, jobs: Jobs, limits: Limits) -> None:
        self._jobs, self._limits = jobs, limits

    def look(self, source: str) -> tuple[str, Any]:
        """Say what a video is like, as soon as it is there; what is refused is taken out again."""
        try:
            return self._limits.check_film(Path(source)), gr.skip()
        except MediaError as refusal:
            return by_name(str(refusal), source), None

    def cancel(self, request: gr.Request) -> str:
        """End the visitor's work."""
        self._jobs.cancel(visitor_of(request))
        return _CANCELLED

    def leave(self, request: gr.Request) -> None:
        """End the work of a visitor who has closed the page: nobody is left to take the result."""
        self._jobs.cancel(visitor_of(request))

    def upsample(
        self,
        source: str | None,
        model: str,
        kind: str,
        factor: str,
        fps: str,
        speed: str,
        cuts: str,
        held: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        if source is None:
            raise error("There is no video yet: drop one")
        path = Path(source)

        def make(folder: Path) -> MakeFilm:
            self._limits.check_film(path)
            content = Content(cuts=cuts, held=held)  # type: ignore[arg-type]
            if kind == SLOW_MOTION:
                slow = SlowMotion(Fraction(speed))
                times = 1 / slow.speed
                return MakeFilm(path, folder, model, Factor(times), f"slow{times}x", content, slow)
            timing = parse_timing(factor, fps)
            change = f"{fps.strip().replace('/', '-')}fps" if (fps or "").strip() else f"{factor}x"
            return MakeFilm(path, folder, model, timing, change, content)

        with sentences(source):
            try:
                film = self._jobs.run(visitor_of(request), make, told(progress, "frames", path))
            except WorkCancelled:
                return _CANCELLED, "", None, None, gr.skip(), gr.skip()
        said = film.said.replace(f"{film.output.parent}{os.sep}", "")
        label = f"Download {film.output.name} ({film.output.stat().st_size / 1e6:.3g} MB)"
        download = gr.DownloadButton(label, value=str(film.output))
        return said, film.view, str(film.before), str(film.after), download, gr.Column(visible=True)

    def make_pictures(
        self,
        first: str | None,
        second: str | None,
        model: str,
        count: float,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        pair = self._pair(first, second)

        def make(folder: Path) -> MakePictures:
            return MakePictures(*pair, folder, model, int(count))

        with sentences(*map(str, pair)):
            try:
                made = self._jobs.run(visitor_of(request), make, told(progress, "pictures", *pair))
            except WorkCancelled:
                return _CANCELLED, None, gr.skip()
        said = f"made {len(made.files)} picture{'s' * (len(made.files) != 1)}"
        download = gr.DownloadButton(f"Download {made.archive.name}", value=str(made.archive), visible=True)
        return said, [str(file) for file in made.files], download

    def find_flow(
        self,
        first: str | None,
        second: str | None,
        model: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        pair = self._pair(first, second)
        with sentences(*map(str, pair)):
            try:
                found = self._jobs.run(
                    visitor_of(request),
                    lambda folder: MakeFlow(*pair, folder, model),
                    told(progress, "pairs", *pair),
                )
            except WorkCancelled:
                return _CANCELLED, None, None
        return found.said, str(found.colors), str(found.arrows)

    def _pair(self, first: str | None, second: str | None) -> tuple[Path, Path]:
        if first is None or second is None:
            raise error("Two pictures are needed: drop the other one as well")
        with sentences(first, second):
            self._limits.check_file(Path(first))
            self._limits.check_file(Path(second))
        return Path(first), Path(second)


def told(progress: gr.Progress, unit: str, *sources: Path) -> Progress:
    """Return what shows the steps done, of how many, and how fast; the sources count as used meanwhile."""
    began = shown = time.monotonic()

    def tell(done: int, total: int | None) -> None:
        nonlocal began, shown
        now = time.monotonic()
        if done <= 1:
            began = now
        if now - shown < 0.2 and done != total and done > 1:
            return
        shown = now
        for source in sources:
            if source.exists():
                os.utime(source)  # else gradio would clear away what is still to be compared
        pace = f", {(done - 1) / (now - began):.1f} {unit}/s" if done > 1 and now > began else ""
        of = "" if total is None else f" of {total}"
        progress(min(1.0, done / total) if total else None, desc=f"{done}{of} {unit}{pace}")

    progress(0.0, desc="starting")
    return tell


@contextmanager
def sentences(*files: str) -> Iterator[None]:
    """Turn errors into the page's, of one sentence."""
    try:
        yield
    except Exception as found:
        said = str(found) if isinstance(found, WorkFailed) else explain(found)
        if isinstance(found, WorkCancelled) or said is None:
            raise
        raise error(by_name(said, *files)) from None


def by_name(said: str, *files: str) -> str:
    """Call a visitor's files by their names, not by where they lie here."""
    for file in files:
        said = said.replace(f"{Path(file).parent}{os.sep}", "")
    return said


def error(sentence: str) -> gr.Error:
    """Return the page's error, which takes HTML."""
    return gr.Error(html.escape(sentence, quote=False), print_exception=False, duration=20)
