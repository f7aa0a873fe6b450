"""The command line. Bad input: one clear sentence on stderr, exit 2, no traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from server import __version__, logs
from server.check import check as findings
from server.commands import (
    drop_dead,
    explain_id,
    list_dead,
    replay_dead,
    serve_all,
    serve_relay_half,
    serve_web_half,
)
from server.configure import read_settings
from server.demonstration import run_demo
from server.disclosure import disclosure as disclosed_fields
from server.editions import described
from server.errors import GatepostError
from server.initial import write_configuration
from server.password import hashed, new_password
from server.sandbox import serve_sandbox
from server.subjects import export_subject, forget_subject
from server.supervise import end_with_supervisor

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _config(command: _Command) -> _Command:
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=Path("gatepost.toml"),
        envvar="GATEPOST_CONFIG",
        show_default=True,
        help="The configuration file.",
    )(command)


def _address(command: _Command) -> _Command:
    host = click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
    port = click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
    return host(port(command))


def _workers(command: _Command) -> _Command:
    return click.option(
        "--workers",
        type=click.IntRange(1, 64),
        default=max(1, (os.cpu_count() or 2) // 2),
        show_default="half the processors",
        help="Web processes.",
    )(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gatepost")
def cli() -> None:
    """One script tag on the shop, one first-party endpoint, every marketing vendor served from the server."""


@cli.command()
@_config
def init(config: Path) -> None:
    """Write a commented gatepost.toml with fresh secrets; never overwrites."""
    password = write_configuration(config)
    click.echo(
        f"{config} is written, readable by you alone. Name your shop's origins and vendors in it, then"
    )
    click.echo(f"  gatepost serve{'' if str(config) == 'gatepost.toml' else f' --config {config}'}")
    click.echo("The console is at /console/. Its password is shown this once:")
    click.echo(f"  {password}")


@cli.command()
def password() -> None:
    """Hash a password for the console; prints the line for gatepost.toml."""
    chosen = _asked_password()
    made = chosen or new_password()
    line = f'console_password = "{hashed(made)}"'
    if not chosen:
        click.echo(f"The password is {made}", err=True)
    click.echo("Put this line into gatepost.toml, above the first [table], and restart:", err=True)
    click.echo(line)


def _asked_password() -> str:
    """The password that is typed twice, or the first line of what is piped in; empty: none was chosen."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(
        click.prompt(
            "Password (empty: one is made)",
            default="",
            hide_input=True,
            show_default=False,
            confirmation_prompt=True,
        )
    )


@cli.command()
@_config
@_address
@_workers
def serve(config: Path, host: str, port: int, workers: int) -> None:
    """All of it on one machine: web workers and relay."""
    serve_all(config, host, port, workers)


@cli.command()
@_config
@_address
@_workers
def web(config: Path, host: str, port: int, workers: int) -> None:
    """The web half alone: takes events, serves the tag."""
    serve_web_half(config, host, port, workers)


@cli.command()
@_config
def relay(config: Path) -> None:
    """The delivering half alone. A second one on the same database waits for the first to end."""
    serve_relay_half(config)


@cli.command()
@_address
@click.option("--shop-port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--sandbox-port", type=click.IntRange(1, 65535), default=9400, show_default=True)
def demo(host: str, port: int, shop_port: int, sandbox_port: int) -> None:
    """A demo shop, the vendor sandbox and the gateway together, in a throw-away folder."""
    run_demo(host, port, shop_port, sandbox_port)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=9400, show_default=True)
def sandbox(host: str, port: int) -> None:
    """The five vendors' stand-ins alone."""
    end_with_supervisor()
    serve_sandbox(host, port)


@cli.command()
@_config
@click.option("--send-test", is_flag=True, help="Send one marked event to each vendor and show the answers.")
def check(config: Path, send_test: bool) -> None:
    """Is this configuration safe and complete; exit 0 only when nothing is wrong."""
    wrong = 0
    for finding in findings(config, send_test=send_test):
        click.echo(f"{finding.level:<5}  {finding.about}: {finding.says}")
        wrong += finding.level == "wrong"
    if wrong:
        click.echo(f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong", err=True)
        sys.exit(1)


@cli.command()
@_config
@click.argument("id")
def explain(config: Path, id: str) -> None:
    """What became of an event: by event id, order id or visitor id."""
    click.echo(explain_id(config, id))


@cli.group()
def dead() -> None:
    """What vendors finally refused: list it, try it again, give it up."""


def _letters(command: _Command) -> _Command:
    options = (
        click.option("--shop", default="", help="Of this shop alone."),
        click.option("--vendor", default="", help="Refused by this vendor alone."),
        click.option("--reason", default="", help="Whose reason holds these words."),
        click.option("--event", default="", help="Of this event name, or this one event id."),
        click.option("--since", default="", help='Refused since then: "6h", "2d" or a date and time (UTC).'),
        click.option("--until", default="", help="Refused before then."),
    )
    for option in reversed(options):
        command = option(command)
    return _config(command)


@dead.command("list")
@_letters
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
def dead_list(config: Path, limit: int, **which: str) -> None:
    """What vendors finally refused, oldest first."""
    for line in list_dead(config, which, limit):
        click.echo(line)


@dead.command("replay")
@_letters
@click.option("--yes", is_flag=True, help="Do it; without, it is only said what would be done.")
def dead_replay(config: Path, yes: bool, **which: str) -> None:
    """Try it again, where it was refused and nowhere else. A dry run until --yes."""
    for line in replay_dead(config, which, really=yes):
        click.echo(line)


@dead.command("drop")
@_letters
@click.option("--yes", is_flag=True, help="Do it; without, it is only said what would be done.")
def dead_drop(config: Path, yes: bool, **which: str) -> None:
    """Give it up for good. A dry run until --yes."""
    for line in drop_dead(config, which, really=yes):
        click.echo(line)


def _person(command: _Command) -> _Command:
    options = (
        click.option("--shop", required=True, help="The shop's name in the configuration."),
        click.option("--visitor", default="", help="The visitor's id, as explain and export show it."),
        click.option("--user", default="", help="The shop's own id of the person, or an e-mail, or a phone."),
        click.option("--order", default="", help="An order of the person."),
    )
    for option in reversed(options):
        command = option(command)
    return _config(command)


@cli.command()
@_person
def export(config: Path, shop: str, **named: str) -> None:
    """All that is kept of one person, as JSON: a line for each visitor the person was."""
    for piece in export_subject(config, shop, named):
        sys.stdout.buffer.write(piece)


@cli.command()
@_person
def forget(config: Path, shop: str, **named: str) -> None:
    """Erase one person, and say which vendors had been told. What comes later is neither kept nor sent."""
    for line in forget_subject(config, shop, named):
        click.echo(line)


@cli.command()
@_config
@click.option("--shop", default="", help="Of this shop alone.")
def disclosure(config: Path, shop: str) -> None:
    """Which fields each vendor is sent and by which consent, for the shop's privacy notice."""
    for line in disclosed_fields(read_settings(config), shop):
        click.echo(line)


@cli.command()
@_config
@click.option("--shop", required=True, help="The shop's name in the configuration.")
def tag(config: Path, shop: str) -> None:
    """What to paste into the shop's pages: the tag, one that never changes, and the policy's lines."""
    for line in described(read_settings(config), shop):
        click.echo(line)


def main() -> None:
    """Run the command line; every refusal is one sentence."""
    logs.configure()
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        _refuse(error.format_message())
    except GatepostError as error:
        _refuse(str(error))
    except UnicodeEncodeError as error:  # bytes on the command line that are no text
        _refuse(f"{error.object!r} cannot be looked up; write it in UTF-8")
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def _refuse(sentence: str) -> None:
    click.echo(f"gatepost: {' '.join(sentence.splitlines())}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
