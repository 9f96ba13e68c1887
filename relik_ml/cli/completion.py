"""``relik-ml completion SHELL``: the script that completes commands and options."""

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script with which a shell completes commands and options.

    \b
    Examples:
      relik-ml completion bash >> ~/.bashrc
      relik-ml completion zsh >> ~/.zshrc
      relik-ml completion fish > ~/.config/fish/completions/relik-ml.fish
    """
    script = SHELLS[shell](ctx.find_root().command, {}, "relik-ml", "_RELIK_ML_COMPLETE")
    click.echo(script.source())
