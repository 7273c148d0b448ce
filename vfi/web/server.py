"""Serve the page to this computer, without a network, without anybody being told."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flow.backends import NotInstalled
from vfi.web.limits import Limits

LOOPBACK = ("127.0.0.1", "localhost")


@contextmanager
def serving(host: str = "127.0.0.1", port: int = 7860, limits: Limits | None = None) -> Iterator[str]:
    """Serve the page while the context is open; yields its address.

    When it closes, work that is under way ends at once and every file of the visitors is removed. Raises NotInstalled
    if gradio is missing, ValueError if the host is not known, and OSError if the port is taken.
    """
    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        raise ValueError(
            f"there is no computer {host!r}: use 127.0.0.1, or with --host 0.0.0.0 let in others"
        ) from error
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="vfi-web-", ignore_cleanup_errors=True) as folder:
        # gradio takes these from the environment alone, some while it is imported.
        root = Path(folder).resolve()
        os.environ.update(GRADIO_TEMP_DIR=str(root), GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False")
        try:
            from vfi.web.page import THEME, build_page
        except ModuleNotFoundError as error:
            if error.name != "gradio":
                raise
            raise NotInstalled("gradio is not installed: run pip install 'vfi[web]'") from None
        from vfi.web.jobs import Jobs

        jobs = Jobs(root)
        page = build_page(jobs, limits)
        try:
            page.launch(
                server_name=host,
                server_port=port,
                share=False,
                inbrowser=False,
                ssr_mode=False,
                pwa=False,
                mcp_server=False,
                enable_monitoring=False,
                quiet=True,
                prevent_thread_lock=True,
                max_file_size=limits.bytes,
                footer_links=[],
                theme=THEME,
                app_kwargs=_known_by_name(host),
            )
        except OSError as error:
            raise OSError(f"{host} has no port {port} to offer: choose another with --port") from error
        try:
            yield page.local_url
        finally:
            jobs.close()
            page.close(verbose=False)


def _known_by_name(host: str) -> dict[str, Any]:
    """Return what makes a server of this computer alone answer to no other name.

    Else another site's page could have its own name lead here, and read what is here as if it were its own.
    """
    if host not in LOOPBACK:
        return {}
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    return {"middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK)]}
