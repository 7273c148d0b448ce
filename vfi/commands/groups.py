"""Groups of commands whose help is brief."""

from typing import Any

from typer.core import TyperGroup, TyperOption


class Commands(TyperGroup):
    """A group that says once, not at each option, that all can come from the environment."""

    def get_params(self, ctx: Any) -> Any:
        return told_briefly(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            told_briefly(command.params)
        return command


def told_briefly(parameters: Any) -> Any:
    for parameter in parameters:
        if isinstance(parameter, TyperOption):
            parameter.show_envvar = False
            if parameter.is_flag:
                parameter.metavar = ""  # Typer would write --overwrite <bool>, as if it took a value
    return parameters
