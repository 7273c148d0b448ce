"""What to tell the user of an error, and whose it is."""

import errno
import os


def is_wrong_usage(error: Exception) -> bool:
    """Tell an error of a value that was given from one of a file, the disk or the memory.

    >>> is_wrong_usage(ValueError("the factor is 1: it must be greater than 1"))
    True
    >>> is_wrong_usage(FileNotFoundError("clip.mp4"))
    False
    """
    from flow.checkpoint import UnknownNameError

    if isinstance(error, ValueError):  # those of files have classes of their own
        return type(error) in (ValueError, UnknownNameError)
    from vfi.media.errors import WishError  # whose import takes longer

    return isinstance(error, WishError)


def explain(error: Exception) -> str | None:
    """Return a sentence for an error of a file, a wish, the disk or the memory; None for a defect of the program.

    >>> explain(ValueError("the factor is 1: it must be greater than 1"))
    'the factor is 1: it must be greater than 1'
    """
    if isinstance(error, ValueError):  # of a wrong value, say: it needs none of the slow imports below
        return str(error)
    from flow.memory import is_out_of_memory
    from vfi.media.errors import MediaError

    if isinstance(error, MediaError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return f"{error.filename} is too long a name: choose a shorter one, for an output with -o"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"no room left to write {error.filename or 'the result'}: free some space or choose another place"
    if isinstance(error, OSError) and error.errno == errno.EBADF and error.filename is None:
        return "standard output is closed: send it to a file or a pipe"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if is_out_of_memory(error):
        return "out of memory: use smaller frames or tiles, or close other programs"
    if "RANK" in os.environ and any(words in str(error) for words in ("by peer", "remote process exited")):
        return "another process of this training ended: see what it says"
    return None
