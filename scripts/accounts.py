"""From whom a command's transactions are sent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3 import Web3

KEY_VARIABLE = "PENSTOCK_KEY"
FROM_HELP = (
    f"Who acts: an unlocked account, a key in {KEY_VARIABLE}, or --keystore. On a local chain, a test key."
)
NetworkOption = Annotated[
    str, typer.Option(help="anvil, ganache, development, or the URL of a node.", metavar="NAME_OR_URL")
]
WhoOption = Annotated[
    str | None,
    typer.Option("--from", help=FROM_HELP + " Or a wallet of the record by its name, as issuer."),
]
KeystoreOption = Annotated[
    Path | None,
    typer.Option(help="Encrypted key file (of geth, for example) of who acts; with --password-file."),
]
PasswordOption = Annotated[Path | None, typer.Option(help="File whose first line opens the keystore.")]


def account_of(
    w3: Web3,
    sender: str | None,
    keystore: Path | None = None,
    password_file: Path | None = None,
    named: Mapping[str, str] = MappingProxyType({}),
) -> str | LocalAccount:
    """The key in a keystore or in the environment, an unlocked account of the node, or on a local chain a
    test key. `sender` is an address, or one of a record that is `named`. Raises InputError where it is none
    of them."""
    from eth_account import Account
    from web3 import Web3 as AnyWeb3

    from chain.network import is_local, local_account
    from finance.terms import InputError

    if sender is not None:
        sender = named.get(sender, sender)
    if keystore is not None:
        return _opened(keystore, password_file, sender)
    unlocked = {str(a): str(a) for a in w3.eth.accounts}
    if sender is not None and not AnyWeb3.is_address(sender):
        others = f", or of the record one of {', '.join(named)}" if named else ""
        raise InputError(f"--from = {sender}: must be an address{others}")
    wanted = AnyWeb3.to_checksum_address(sender) if sender is not None else next(iter(unlocked), None)
    secret = os.environ.get(KEY_VARIABLE)
    if secret:
        try:
            key: LocalAccount = Account.from_key(secret)
        except Exception:
            raise InputError(f"{KEY_VARIABLE}: not a private key (0x and 64 hexadecimal digits)") from None
        if sender is None or key.address == wanted:
            return key
    if wanted in unlocked:
        return wanted
    if sender is None and is_local(w3):
        return local_account(0)
    raise InputError(
        f"--from = {sender}: the node has no such unlocked account; put its private key in {KEY_VARIABLE}"
    )


def _opened(keystore: Path, password_file: Path | None, sender: str | None) -> LocalAccount:
    from eth_account import Account

    from finance.terms import InputError

    if password_file is None:
        raise InputError("--keystore: needs --password-file")
    password = password_file.read_text().split("\n", 1)[0]
    try:
        key: LocalAccount = Account.from_key(Account.decrypt(json.loads(keystore.read_text()), password))
    except (ValueError, KeyError, TypeError):
        raise InputError(f"--keystore = {keystore}: not a keystore that the password opens") from None
    if sender is not None and key.address.lower() != sender.lower():
        raise InputError(f"--from = {sender}: {keystore} has the key of {key.address}")
    return key
