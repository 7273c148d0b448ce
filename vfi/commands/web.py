"""`vfi web`: the page in the browser."""

import signal
from typing import Annotated

import typer

from vfi.commands.parsing import parse_bytes


def serve_page(
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 lets everybody in who reaches this computer.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 7860,
    max_size: Annotated[str, typer.Option(help="Largest file: 500MB, 2GB.")] = "500MB",
    max_seconds: Annotated[int, typer.Option(min=1, help="Longest video.")] = 600,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Open a page in the browser that makes frames for videos, pictures between pictures, and flow.

    Nothing leaves this computer. One job computes at a time; its files are removed an hour after their last use, when
    it is cancelled, and at the end. Ctrl+C ends all. Needs pip install 'vfi\\[web]'.

    [bold]Example:[/bold] vfi web --max-size 2GB --max-seconds 3600
    """
    size = parse_bytes(max_size, "--max-size")

    import threading
    import webbrowser

    from vfi.web.limits import Limits
    from vfi.web.server import serving

    limits = Limits(size, max_seconds)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # services are stopped so; also then nothing is left
    with serving(host, port, limits) as address:
        typer.echo(f"The page is at {address} (Ctrl+C ends it)")
        if not no_browser:
            webbrowser.open(address)
        threading.Event().wait()
