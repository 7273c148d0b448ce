"""What to tell the user of an error."""

import errno
import os

from flow.memory import is_out_of_memory
from vfi.media.errors import MediaError


def explain(error: Exception) -> str | None:
    """Return a sentence for an error of a file, a wish, the disk or the memory; None for a defect of the program.

    >>> explain(ValueError("the factor is 1: it must be greater than 1"))
    'the factor is 1: it must be greater than 1'
    """
    if isinstance(error, MediaError | ValueError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return f"{error.filename} is too long a name: choose a shorter one, for an output with -o"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if is_out_of_memory(error):
        return "out of memory: use smaller frames or tiles, or close other programs"
    if "RANK" in os.environ and any(words in str(error) for words in ("by peer", "remote process exited")):
        return "another process of this training ended: see what it says"
    return None
