"""The commands of the command line, which `app` gathers: each parses, calls the library once, and prints.

The rest of vfi knows nothing of them. Heavy imports happen inside the commands, so that ``vfi --help`` answers at once.
"""
