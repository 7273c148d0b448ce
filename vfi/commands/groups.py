"""Groups of commands whose help is brief."""

from typing import Any

import typer
from typer.core import TyperGroup, TyperOption


class Commands(TyperGroup):
    """A group that says once, not at each option, that all can come from the environment.

    Where a value is wrong that nobody typed it says where it comes from.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            command, name = error.ctx, error.param.name if error.param is not None else None
            if command is not None and command.parent is ctx and name is not None:  # told once, not by every group
                source = getattr(command.get_parameter_source(name), "name", None)
                files = (command.params.get("config"), command.find_root().obj)  # of this command, and of all
                places = {"DEFAULT_MAP": files, "ENVIRONMENT": (_variable(command, name),)}
                if source in places:
                    error.message += f", as {' or '.join(str(place) for place in places[source] if place)} has it"
            raise

    def get_params(self, ctx: Any) -> Any:
        return told_briefly(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            told_briefly([*command.params, command.get_help_option(ctx)])
        return command


def _variable(ctx: Any, name: str) -> str:
    return f"{ctx.auto_envvar_prefix}_{name}".upper()


def told_briefly(parameters: Any) -> Any:
    for parameter in parameters:
        if isinstance(parameter, TyperOption):
            parameter.show_envvar = False
            if parameter.is_flag:
                parameter.metavar = ""  # Typer would write --overwrite <bool>, as if it took a value
    return parameters
