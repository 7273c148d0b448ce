"""Words of the command line to values; what cannot be read is refused as wrong usage, with an example."""

import math
from fractions import Fraction

import typer


def parse_fraction(text: str, option: str) -> Fraction:
    """Read 2, 2.5, 5/2 exactly."""
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise typer.BadParameter(f"{text!r} is not a number like 2, 5/2 or 60000/1001", param_hint=option) from None


def parse_positive(text: str, option: str) -> Fraction:
    """Read a number above 0 exactly."""
    number = parse_fraction(text, option)
    if number <= 0:
        raise typer.BadParameter(f"{text} is not above 0", param_hint=option)
    return number


def stronger(context: typer.Context, **options: str) -> list[str | None]:
    """Return of options that exclude each other the one from the strongest place, and None for the others."""
    ranks = ["COMMANDLINE", "ENVIRONMENT", "DEFAULT_MAP"]
    places = [ranks.index(context.get_parameter_source(name).name) for name in options]  # type: ignore[union-attr]
    if places.count(min(places)) > 1:
        raise typer.BadParameter(f"give {' or '.join(f'--{name}' for name in options)}, not both")
    return [value if place == min(places) else None for value, place in zip(options.values(), places, strict=True)]


def parse_time(text: str | None, option: str) -> Fraction | None:
    """Read seconds, 90.5, or 1:30 or 1:02:03, exactly."""
    if text is None:
        return None
    try:
        parts = [Fraction(part) for part in text.split(":")]
    except (ValueError, ZeroDivisionError):
        parts = []
    if not 1 <= len(parts) <= 3 or min(parts) < 0:
        raise typer.BadParameter(f"{text!r} is not a time like 90.5, 1:30 or 1:02:03", param_hint=option)
    return sum((part * 60**power for power, part in enumerate(reversed(parts))), Fraction(0))


def parse_pairs(pairs: list[str]) -> dict[str, str]:
    """Read key=value pairs."""
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise typer.BadParameter(f"{pair!r} is not key=value", param_hint="--encoder-opt")
        options[key] = value
    return options


def parse_duration(text: str | None, option: str) -> float | None:
    """Read 60s, 5m, 1.5h or plain seconds."""
    if text is None:
        return None
    number, unit = (text[:-1], text[-1]) if text[-1:] in tuple("smh") else (text, "s")
    try:
        seconds = float(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise typer.BadParameter(f"{text!r} is not a time like 60s, 5m or 90", param_hint=option)
    return seconds


def parse_bytes(text: str, option: str) -> int:
    """Read 500MB, 1.5GB."""
    number, unit = text[:-2], text[-2:].upper()
    scale = {"KB": 10**3, "MB": 10**6, "GB": 10**9}.get(unit)
    if scale is None or not number.strip().replace(".", "", 1).isdecimal() or float(number) <= 0:
        raise typer.BadParameter(f"{text!r} is not a size like 500MB or 1.5GB", param_hint=option)
    return round(float(number) * scale)


def parse_numbers(text: str, separator: str, count: int, option: str, example: str) -> tuple[int, ...]:
    """Read whole numbers such as 640x360."""
    parts = text.lower().split(separator)
    if len(parts) != count or not all(part.strip().isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r} is not of the form {example}", param_hint=option)
    return tuple(int(part) for part in parts)
