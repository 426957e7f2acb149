"""`pulumi login`, `logout` and `whoami`."""

from __future__ import annotations

from embedded.engine.backend import login as logins
from embedded.engine.backend.locks import user_name
from embedded.engine.cli import terminal
from embedded.engine.cli.command import JSON_FLAG, Call, command
from embedded.engine.cli.flags import Flag
from embedded.engine.cli.stack import backend_name
from embedded.engine.errors import EngineError

_LOCAL_FLAG = Flag("local", "Use Pulumi in local-only mode", short="l")


def _url(call: Call) -> str:
    """The URL that a command line names; empty if it names none."""
    if call.arguments and call.flags["cloud_url"]:
        raise EngineError("only one of --cloud-url or argument URL may be specified, not both")
    url = call.flags["cloud_url"] or call.argument(0)
    if call.flags["local"]:
        if url:
            raise EngineError("a URL may not be specified when --local mode is enabled")
        url = logins.LOCAL_URL
    return url


@command(
    "[<url>]",
    maximum=1,
    flags=(
        Flag("cloud-url", "A URL to log in to", "string", "c", ""),
        _LOCAL_FLAG,
        Flag("interactive", "Show interactive login options based on known accounts", hidden=True),
        Flag("default-org", "A default org to associate with the login; cloud only", "string", default="", hidden=True),
        Flag("insecure", "Allow insecure server connections when using SSL; cloud only", hidden=True),
    ),
)
def login(call: Call) -> None:
    """Log in to a backend

    State is kept in a folder: `pulumi login file://FOLDER`, or `pulumi login --local` for the home folder.
    """
    url = _url(call) or logins.current_url(call.session.optional_project)
    logins.login(url)
    terminal.out(f"Logged in to {backend_name()} as {user_name()} ({url})")


@command(
    "[<url>]",
    maximum=1,
    flags=(
        Flag("cloud-url", "A URL to log out of (defaults to current one)", "string", "c", ""),
        _LOCAL_FLAG,
        Flag("all", "Logout of all backends", short="a"),
    ),
)
def logout(call: Call) -> None:
    """Log out of a backend

    Deletes what was stored about it on this machine; the state itself stays where it is.
    """
    url = _url(call)
    if call.flags["all"]:
        if url:
            raise EngineError("a URL may not be specified when --all is used")
        logins.logout_all()
        terminal.out("Logged out of all clouds")
        return
    left = logins.logout(url or None)
    terminal.out(f"Logged out of {left}" if left else "Not logged in: nothing to log out of")


@command(flags=(JSON_FLAG, Flag("verbose", "Print detailed whoami information", short="v")))
def whoami(call: Call) -> None:
    """Display the current logged-in user

    Displays the username of the currently logged in user.
    """
    backend = call.session.backend
    if call.flags["json"]:
        terminal.out_json({"user": user_name(), "url": backend.url})
    elif call.flags["verbose"]:
        terminal.out(f"User: {user_name()}\nOrganizations: \nBackend URL: {backend.url}\nToken type: unknown")
    else:
        terminal.out(user_name())
