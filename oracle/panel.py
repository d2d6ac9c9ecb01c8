"""The panel: independent engineers rule on a challenged report. They sign; anyone may bring the ruling."""

from __future__ import annotations

from collections.abc import Sequence

from eth_account.signers.local import LocalAccount

from oracle.observation import Domain, Ruling, Signature, SignatureError, recover, sign


class PanelError(ValueError):
    """Signatures that do not make a ruling; the message says why."""


def sign_ruling(ruling: Ruling, domain: Domain, key: LocalAccount | bytes | str) -> Signature:
    """One panellist's signature on a ruling."""
    return sign(ruling.message(domain), key)


def assemble(
    ruling: Ruling, domain: Domain, signatures: Sequence[Signature], panel: Sequence[str], quorum: int
) -> list[tuple[int, Signature]]:
    """Signatures with their panellists' indices, ascending, as IKpiOracle.rule takes them.

    Raises PanelError for a signature of a stranger, two of one panellist, or fewer than the quorum.
    """
    places = {address.lower(): index for index, address in enumerate(panel)}
    found: dict[int, Signature] = {}
    for signature in signatures:
        try:
            address = recover(ruling.message(domain), signature)
        except SignatureError as error:
            raise PanelError(str(error)) from None
        if address.lower() not in places:
            raise PanelError(f"{address} is not on the panel, or signed another ruling")
        if places[address.lower()] in found:
            raise PanelError(f"{address} has signed twice")
        found[places[address.lower()]] = signature
    if len(found) < quorum:
        raise PanelError(f"{len(found)} signatures; the panel's quorum is {quorum}")
    return sorted(found.items())
