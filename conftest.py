"""What of the sources pytest may import to run its examples."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("gradio") else ["vfi/web/page.py"]
