"""Who can be paged, what may send, and who may ask."""

from __future__ import annotations

from typing import Any

from tocsin.cli.words.parts import command, group, settings


def directory(commands: Any) -> None:
    """Add people, integrations, tokens and signing in."""
    people = group(commands, "people", "Who can be paged.")
    load = command(people, "load", "people.people_load", "Load people.", "tocsin people load people.yaml")
    load.add_argument("file", help="people.yaml; it replaces everybody.")
    settings(load)
    listed = command(people, "list", "admin.people_list", "List people.", "tocsin people list")
    settings(listed)
    integration = group(commands, "integration", "What may send alerts.")
    add = command(
        integration,
        "add",
        "admin.integration_add",
        "Make a routing key.",
        "tocsin integration add prometheus",
    )
    add.add_argument("name", help="The integration, as the plan names it.")
    settings(add)
    keys = command(
        integration, "list", "admin.integration_list", "List routing keys.", "tocsin integration list"
    )
    settings(keys)
    remove = command(
        integration,
        "remove",
        "admin.integration_remove",
        "Take away the keys of an integration, or one of them.",
        "tocsin integration remove prometheus --key 3f9a0c",
    )
    remove.add_argument("name", help="The integration, as the plan names it.")
    remove.add_argument("--key", metavar="ID", help="Only this one, as `tocsin integration list` shows it.")
    settings(remove)
    token = group(commands, "token", "API tokens.")
    make = command(
        token, "add", "admin.token_add", "Make an API token.", "tocsin token add ana --name laptop"
    )
    make.add_argument("person", help="Whose it is: what it does is done in this person's name.")
    make.add_argument("--name", default="token", help="What to call it.")
    make.add_argument("--days", type=int, default=365, help="How long it works.")
    make.add_argument(
        "--for",
        dest="purpose",
        choices=("api", "plan"),
        default="api",
        help="What it is good for: all that the person may do, or putting a plan in force and nothing else.",
    )
    settings(make)
    tokens = command(token, "list", "admin.token_list", "List API tokens.", "tocsin token list")
    settings(tokens)
    revoke = command(token, "remove", "admin.token_remove", "End a token.", "tocsin token remove 3f9a0c")
    revoke.add_argument("id", help="The id that `tocsin token list` shows.")
    settings(revoke)
    sign_in = command(
        commands,
        "sign-in",
        "signing_in.sign_in",
        "Make a one-time link to sign in with.",
        "tocsin sign-in ana",
    )
    sign_in.add_argument("person", help="Who is to sign in.")
    settings(sign_in)
