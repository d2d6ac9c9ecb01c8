"""What contracts' errors mean for whoever meets them: templates, translated before {fields} are filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chain.errors import ContractError

WORDS: Mapping[str, str] = {
    "ERC7943CannotReceive": "The receiving wallet is not verified to hold this claim.",
    "ERC7943CannotSend": "The sending wallet is not verified to hold this claim any more.",
    "ERC7943CannotTransfer": "These units may not be transferred.",
    "ERC7943InsufficientUnfrozenBalance": "Not so many units are free: {unfrozen} of them are not frozen.",
    "ERC20InsufficientBalance": "The wallet has too little: {balance} of {needed}.",
    "ERC20InsufficientAllowance": "The contract may not take so much money from the wallet yet.",
    "ERC2612ExpiredSignature": "The signature has expired.",
    "ERC2612InvalidSigner": "The signature is not the owner's.",
    "AccessControlUnauthorizedAccount": "The wallet does not have the role that this needs.",
    "SecurityToken_NotAgent": "Only the agent may do this.",
    "SecurityToken_Paused": "Transfers are paused.",
    "SecurityToken_Closed": "The claim has ended; there are no transfers any more.",
    "SecurityToken_NoSupply": "Nobody holds units, so nothing can be shared.",
    "SecurityToken_AmountBelowSupply": "The amount is too small to be shared among all units.",
    "SecurityToken_InRecovery": "A recovery of this holding is announced; only the holder can claim now.",
    "SecurityToken_NoRecovery": "No recovery of this holding is announced.",
    "SecurityToken_NoticeRuns": "The notice of this recovery still runs.",
    "IdentityRegistry_Expired": "The expiry is in the past.",
    "IdentityRegistry_NotRegistered": "The wallet is not registered.",
    "IdentityRegistry_InvalidClass": "There is no such class of investor.",
    "Offering_WrongState": "The offering is not in the state that this needs.",
    "Offering_CapExceeded": "Only {available} units are left.",
    "Offering_PartyCapExceeded": "Parties of the deal can buy {available} units more, not all.",
    "Offering_SoldInThisBlock": "Units were sold in this very block; settle in a later one.",
    "Offering_ZeroUnits": "At least one unit must be named.",
    "KpiBond_NotDue": "Nothing is due yet.",
    "KpiBond_Underfunded": "The issuer has paid in too little: {held} of {due}.",
    "KpiBond_NotFixed": "A report that decides this payment has not been turned into its amount yet.",
    "KpiBond_AlreadyFixed": "This report has been turned into its payment already.",
    "KpiBond_UnknownFixing": "There is no such fixing.",
    "KpiBond_WrongState": "The bond is not in the state that this needs.",
    "KpiBond_CouponsOutstanding": "Coupons are still to be paid: {paid} of {total} are.",
    "KpiBond_InGrace": "The grace period still runs.",
    "KpiBond_Funded": "What is due is funded, so there is no default.",
    "KpiBond_NothingToRecover": "The bond holds nothing to share.",
    "KpiOracle_WrongStatus": "The report is not in the state that this needs.",
    "KpiOracle_WrongVersion": "The report has been restated: it is version {current} now.",
    "KpiOracle_WrongValue": "The reported value has changed meanwhile.",
    "KpiOracle_SameValue": "The report is challenged: a restatement must have another value.",
    "KpiOracle_NotCommitted": "This was not committed to within the last hour.",
    "KpiOracle_StillOpen": "The time for this has not come yet.",
    "KpiOracle_NotFuller": "A report of this version stands that is as full as this one.",
    "KpiOracle_NotFinal": "The report is not final yet.",
    "KpiOracle_UnknownPeriod": "There is no such measurement period.",
    "KpiOracle_DeadlinePassed": "The time for this has passed.",
    "KpiOracle_NothingToSettle": "There is nothing to settle.",
    "KpiOracle_BelowQuorum": "Too few have signed: {have} of {need}.",
    "KpiPayment_NotDue": "The period is not due yet.",
    "KpiPayment_NoShortfall": "That side lacks nothing.",
    "KpiPayment_MarginAlreadyCalled": "That side has been called already.",
    "KpiPayment_NotParty": "Only the parties of the swap may do this.",
    "KpiPayment_WrongState": "The swap is not in the state that this needs.",
    "KpiPayment_NoSuchProposal": "There is no such offer.",
    "RevenueTreasury_NotDue": "The period is not due yet.",
    "RevenueTreasury_SwapNotSettled": "The swap must settle the period first.",
    "RevenueTreasury_SwapNotClosedOut": "The swap is in default and must be closed out first.",
    "RevenueTreasury_ProviderOwes": "The swap's provider must pay what it owes first, or be in default.",
    "RevenueTreasury_WrongState": "The treasury is not in the state that this needs.",
    "RevenueTreasury_AllPaid": "All periods have been paid.",
}
OTHERWISE = "The contract refuses this: {error}"
AMOUNTS: Mapping[str, tuple[str, ...]] = {
    "ERC20InsufficientBalance": ("balance", "needed"),
    "KpiBond_Underfunded": ("held", "due"),
}
"""Arguments that are money."""
WITHOUT_AMOUNTS: Mapping[str, str] = {
    "ERC20InsufficientBalance": "The wallet has too little.",
    "KpiBond_Underfunded": "The issuer has paid in too little.",
}
"""Where the currency is not known."""


def template(error: ContractError, money: Callable[[int], str] | None = None) -> tuple[str, dict[str, str]]:
    """The words for an error, to be translated, and the fields to fill in; `money` writes minor units as an
    amount of the currency."""
    words = WORDS.get(error.name)
    if words is None:
        return OTHERWISE, {"error": error.name if error.arguments else str(error)[:300]}
    fields = {name: str(value) for name, value in error.arguments.items() if name}
    amounts = AMOUNTS.get(error.name, ())
    if amounts and money is None:
        return WITHOUT_AMOUNTS[error.name], {}
    return words, fields | {name: money(error.arguments[name]) for name in amounts if money is not None}
