"""The demonstration from beginning to end, and what it measured.

One life is told whole. Before it, two others are lived from the same point on and then undone (the chain's
snapshot): one where a captured quorum reports a wrong value and is corrected, one where nobody reports.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from chain.errors import NetworkError
from chain.network import LocalChain, reach_time, rpc, start_anvil, start_ganache, when
from chain.parts import PARTS
from chain.reconciliation import Reconciliation
from chain.sender import GasLog
from finance.actus.deal import against_settlement
from finance.pricing.value import Valuation, price
from finance.report.text import money
from finance.settlement.terms import Effect, settlement_terms
from finance.terms import Deal, InputError
from finance.terms.canonical import plain
from oracle.twins.stormwater import METHOD
from scripts.demo import reporting
from scripts.demo.bond import BondLife
from scripts.demo.life import Life
from scripts.demo.narrator import Narrator

OUTCOME = 0
"""The fixing that the story is about: the deal's one outcome payment."""
LEAD_DAYS = 7
"""The chain begins this long before the offering opens."""
CAPTURE_LIE = 0.23
"""What a captured quorum adds to the KPI in the disputed life."""
CHAINS: dict[str, Callable[..., Any]] = {"anvil": start_anvil, "ganache": start_ganache}


@dataclass(frozen=True)
class Options:
    """What the user chose. `out`: folder for everything the demonstration writes."""

    out: Path
    outcome: str = "published"
    client: str = "anvil"
    seed: int = 2020
    what_ifs: bool = True


@dataclass
class Ending:
    """How one life ended."""

    name: str
    fixing: dict[str, Any]
    redemption: dict[str, Any]
    reconciliation: Reconciliation
    contracts: dict[str, tuple[Decimal, Decimal]]
    report: dict[str, Any] | None = None
    notes: dict[str, Any] | None = None

    @property
    def as_contracts(self) -> bool:
        """Whether the deal's cash-flow contracts pay what is settled, to the cent."""
        return all(ours == theirs for ours, theirs in self.contracts.values())


@dataclass
class Demonstration:
    """Everything the summary and the report are made of."""

    options: Options
    deal: Deal
    chain: LocalChain
    valuation: Valuation
    life: BondLife
    allotted: dict[str, int]
    faults: dict[str, str]
    verification: dict[str, str]
    ending: Ending
    what_ifs: list[Ending]
    narrator: Narrator
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return all(e.reconciliation.ok and e.as_contracts for e in (self.ending, *self.what_ifs))


def is_outcome_of_works(deal: Deal) -> bool:
    """Whether this is the story for a deal: one outcome payment at maturity, by the stormwater twin."""
    terms = settlement_terms(deal)
    if len(terms.fixings) != 1 or terms.feeds[0].method != METHOD:
        return False
    rule = terms.fixings[OUTCOME]
    bullet = not any(period.repayment for period in terms.periods[:-1])
    return rule.effect is Effect.AMOUNT and rule.first == len(terms.periods) - 1 and bullet


def require_published(deal: Deal, outcome: str) -> None:
    """Raise InputError for a choice of works where no works are computed."""
    if outcome != "published":
        raise InputError(
            f"--outcome = {outcome}: the KPIs of {deal.id} are not computed from works; --seed draws others"
        )


def tell(deal: Deal, options: Options, narrator: Narrator) -> Demonstration:
    """Run the demonstration. Raises what the rooms raise; whatever was started is stopped."""
    with ExitStack() as stack:
        opens = deal.sale.opens.value
        start = _unix(opens) - LEAD_DAYS * 86_400
        chain = stack.enter_context(CHAINS[options.client](timestamp=start))
        starting = stack.enter_context(reporting.Starting())
        folder = options.out / "oracle"
        crews = _start_nodes(chain.url, deal, options, starting)
        gas = GasLog()
        valuation = _price(deal, narrator)
        narrator.chapter("2. A chain, and the deal on it")
        narrator.say(f"{chain.client}, chain id {chain.chain_id}, starts at {when(start)} (simulated time)")
        life = BondLife(chain, deal, gas)
        deploy(life, narrator)
        allotted = issue(life, narrator)
        _early_coupons(life, narrator)

        narrator.chapter("5. The twin measures, the oracle reports")
        reading = life.reading(OUTCOME)
        _tell_published(deal, options, narrator)
        reporting.to_reporting_time(life, reading)
        what_ifs = _what_ifs(life, crews, options, narrator) if options.what_ifs else []

        crew = crews["main"]()
        record = reporting.report(life, reading, crew.urls, folder / "reports")
        found = _tell_report(life, record, crew.faults, narrator)
        reporting.wait_until_final(life, reading)
        narrator.say("the dispute window passes without a challenge: the report is final", True)
        narrator.chapter("6. Fixing, last coupon, redemption, claims")
        ending = _end(life, "main", narrator)
        ending.report = record
        narrator.chapter("7. Reconciliation")
        tell_reconciliation(ending.reconciliation, life, narrator)
        _tell_contracts(ending, narrator)
        return Demonstration(
            options=options,
            deal=deal,
            chain=chain,
            valuation=valuation,
            life=life,
            allotted=allotted,
            faults=crew.faults,
            verification=found,
            ending=ending,
            what_ifs=what_ifs,
            narrator=narrator,
            seconds=narrator.seconds,
        )


Crews = dict[str, Callable[[], reporting.Crew]]


def _start_nodes(rpc: str, deal: Deal, options: Options, starting: reporting.Starting) -> Crews:
    """Two sets of the same nodes (same keys, rain and gauges): one honest but for a liar and a dead one, and
    one whose quorum is captured.
    """
    terms = settlement_terms(deal)
    feed = terms.feeds[terms.fixings[OUTCOME].feed]
    folder = options.out / "oracle"
    data = {
        "impervious_area_acres": deal.number("impervious_area_acres"),
        "scenario": options.outcome,
        "seed": options.seed,
    }

    def begin(name: str, lies: dict[int, float], down: list[int]) -> Callable[[], reporting.Crew]:
        home = folder / f"nodes-{name}"
        return starting.begin(reporting.crew(rpc, home, feed, data, lies, down))

    crews = {"main": begin("main", {reporting.LIAR: reporting.LIE}, [reporting.SLEEPER])}
    if options.what_ifs:
        crews["captured"] = begin("captured", dict.fromkeys(range(feed.quorum), CAPTURE_LIE), [])
    return crews


def _unix(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _price(deal: Deal, narrator: Narrator) -> Valuation:
    narrator.chapter(f"1. {deal.title}")
    valuation = price(deal)
    narrator.say(f"terms hash {deal.terms_hash}")
    assumed, count = deal.assumed()
    narrator.say(f"{count} stated inputs: {count - assumed} sourced, {assumed} assumed")
    exact = valuation.closed_form
    narrator.say(
        f"price {valuation.price:.4f} per 100 at {valuation.rate:.2%}; tiers "
        + " / ".join(f"{p:.1%}" for p in exact.probabilities)
        + f"; expected outcome payment {money(exact.expected)} {valuation.claim.currency}"
    )
    return valuation


def deploy(life: Life, narrator: Narrator) -> None:
    """Deploy the deal and say where it is."""
    record = life.deploy()
    narrator.say(f"deal deployed in one transaction, block {record.block}: {record.tx}")
    narrator.say("every term read back from the chain equals the deal file", True)
    narrator.say(", ".join(f"{PARTS[part.kind].contract} {part.address}" for part in record.parts.values()))


def issue(life: BondLife, narrator: Narrator) -> dict[str, int]:
    """Verify investors and sell them the issue; units by investor."""
    narrator.chapter("3. Investors and the issue (delivery versus payment)")
    life.onboard()
    narrator.say(f"{len(life.cast.investors)} wallets verified: {life.classes()}")
    reach_time(life.w3, life.terms.opens)
    narrator.say(f"an unverified wallet tries to buy and is refused: {life.refused()}", True)
    allotted = life.subscribe()
    unit = life.money.words(life.terms.unit_principal)
    narrator.say(f"{sum(allotted.values()):,} units of {unit} sold to {len(allotted)} investors")
    proceeds = life.settle_offering()
    narrator.say(f"settled: {life.money.words(proceeds)} reached the issuer, the bond is active", True)
    life.aside()
    return allotted


def _early_coupons(life: BondLife, narrator: Narrator) -> None:
    narrator.chapter("4. Coupons, trades and claims over simulated time")
    ends = life.reading(OUTCOME).ends
    for number, period in enumerate(life.terms.periods, start=1):
        if period.pay_date <= ends:
            _coupon(life, number, narrator)


def _coupon(life: BondLife, number: int, narrator: Narrator) -> None:
    paid = life.pay_coupon(number)["paid"]
    day = when(life.terms.periods[number - 1].pay_date)[:10]
    narrator.say(f"{day}  coupon {number}: {life.money.words(paid)}")
    tell_trades(life, narrator)


def tell_trades(life: Life, narrator: Narrator) -> None:
    """Say what holders sold each other after a coupon."""
    for seller, buyer, units in life.traded:
        narrator.say(f"{seller} sells {units:,} units to {buyer}")


def _tell_published(deal: Deal, options: Options, narrator: Narrator) -> None:
    """Say what is published and what the twin simulates, where the works stand for the published outcome."""
    (stated,) = (kpi.reported_values for kpi in deal.kpis.values())
    if options.outcome == "published" and stated is not None:
        said = ", ".join(plain(value) for value in stated.value)
        origin = deal.sources[stated.source].title if stated.source else f"assumed: {stated.assumed}"
        narrator.say("; ".join(filter(None, (f"published: {said}", origin, stated.note))))
        narrator.say("simulated: works in the twin that come near it; the report is the twin's")


def _tell_report(
    life: BondLife, record: dict[str, Any], faults: dict[str, str], narrator: Narrator
) -> dict[str, str]:
    """Say what landed and who was wrong; the verifier's findings by node."""
    decimals = life.reading(OUTCOME).feed.decimals
    nodes = list(record["signers"])
    for address, fault in faults.items():
        narrator.say(f"fault injected: node {nodes.index(address)} {fault}")
    for failure in record["failures"]:
        narrator.say(f"relay: {failure['url']} {failure['reason']}")
    for item in record["observations"]:
        value = int(item["value"]) / 10**decimals
        narrator.say(f"node {item['signer_index']} signs {value:.{decimals}f}")
    value = int(record["value"])
    honest = [int(i["value"]) for i in record["observations"] if i["signer"] not in faults]
    inside = min(honest) <= value <= max(honest)
    narrator.say(
        f"{len(record['observations'])} of {len(nodes)} signed; the median on chain is "
        f"{value / 10**decimals:.{decimals}f}, {'inside' if inside else 'OUTSIDE'} the honest range",
        inside,
    )
    found = reporting.verify(life, record)
    culprits = dict(found.culprits)
    named = ", ".join(f"node {nodes.index(address)}" for address in culprits) or "nobody"
    expected = {a for a, f in faults.items() if "lies" in f}
    narrator.say(
        f"anyone can re-run SWMM on the evidence; it exposes: {named}", set(culprits) == expected or None
    )
    return culprits


def _end(life: BondLife, name: str, narrator: Narrator) -> Ending:
    """From a settled (or missing) report to the last claim and the reconciliation."""
    fixing, reading = life.fix(OUTCOME), life.reading(OUTCOME)
    kpi = "no report" if fixing["missing"] else f"KPI {fixing['kpi'] / 10**reading.feed.decimals:.4f}"
    narrator.say(f"outcome fixed on {kpi}: {_direction(life, fixing['outcome'])}")
    for number, period in enumerate(life.terms.periods, start=1):
        if period.pay_date > reading.ends:
            _coupon(life, number, narrator)
    redemption = life.redeem()
    narrator.say(
        f"redeemed: principal {life.money.words(redemption['principal'])}, outcome "
        f"{life.money.words(redemption['outcome'])}, shared among holders "
        f"{life.money.words(redemption['paid'])}"
    )
    life.everybody_claims()
    result = life.reconcile()
    contracts = against_settlement(life.deal, [report.value for report in result.reports])
    return Ending(name, fixing, redemption, result, contracts)


def _direction(life: BondLife, outcome: int) -> str:
    if outcome == 0:
        return "no payment either way"
    payer = "the issuer pays investors" if outcome > 0 else "investors pay the issuer"
    return f"{payer} {life.money.words(abs(outcome))}"


def _what_ifs(life: BondLife, crews: Crews, options: Options, narrator: Narrator) -> list[Ending]:
    endings = []
    for title, act in (
        ("What if a captured quorum reports a wrong value?", _disputed),
        ("What if nobody reports?", _silent),
    ):
        narrator.chapter(f"   {title} (lived, then undone)")
        snapshot = rpc(life.w3, "evm_snapshot")
        gas = len(life.gas.entries)
        endings.append(act(life, crews, options, narrator))
        tell_reconciliation(endings[-1].reconciliation, life, narrator)
        if not rpc(life.w3, "evm_revert", snapshot):
            raise NetworkError("the chain could not be taken back to before the what-if")
        # Gas of transactions that never were does not belong to the figures of the main life, save the
        # operations that only happen in a dispute.
        kept = [use for use in life.gas.entries[gas:] if use.operation in DISPUTE_OPERATIONS]
        life.gas.entries[gas:] = kept
    narrator.chapter("   Back to the main life")
    return endings


DISPUTE_OPERATIONS = {"oracle challenge", "oracle rule", "withdraw challenge credit"}


def _disputed(life: BondLife, crews: Crews, options: Options, narrator: Narrator) -> Ending:
    reading = life.reading(OUTCOME)
    quorum = reading.feed.quorum
    crew = crews["captured"]()
    # Whoever captures a quorum also decides which answers are brought on chain.
    record = reporting.report(life, reading, crew.urls[:quorum], options.out / "oracle" / "reports-disputed")
    decimals = reading.feed.decimals
    wrong = int(record["value"]) / 10**decimals
    narrator.say(f"{quorum} of {len(crew.nodes)} nodes collude; {wrong:.4f} is pending on chain")
    found = reporting.verify(life, record)
    narrator.say(
        f"a citizen re-runs the evidence: {len(found.culprits)} nodes do not recompute", not found.ok
    )
    right, root = reporting.recomputed(record)
    sent = reporting.challenge(life, reading, root)
    bond = life.money.words(int(sent["bond"]))
    narrator.say(f"the citizen stakes {bond} and challenges the pending report")
    ruled = reporting.correct(life, reading, right, root)
    narrator.say(f"the panel signs a corrected value, {right / 10**decimals:.4f}; it is final at once", True)
    narrator.say(f"bond and reward are paid to the citizen: {life.money.words(ruled['paid'])}", True)
    ending = _end(life, "disputed", narrator)
    ending.report = record
    ending.notes = {
        "wrong_value": record["value"],
        "corrected_value": str(right),
        "culprits": dict(found.culprits),
        "paid_to_challenger": str(ruled["paid"]),
    }
    return ending


def _silent(life: BondLife, _crews: Crews, _options: Options, narrator: Narrator) -> Ending:
    reporting.wait_until_missing(life, life.reading(OUTCOME))
    narrator.say("the reporting deadline passes: the report is missing, by the clock alone")
    ending = _end(life, "silent", narrator)
    best = max(knot.y for knot in life.terms.fixings[OUTCOME].curve.knots)
    narrator.say(
        f"silence costs the issuer, who controls the data, {life.money.words(ending.fixing['outcome'])}: "
        "no report could have cost it more",
        ending.fixing["outcome"] >= best,
    )
    return ending


def _tell_contracts(ending: Ending, narrator: Narrator) -> None:
    parts = ", ".join(f"{kind} {ours:,}" for kind, (ours, _) in ending.contracts.items())
    differ = sum(abs(ours - theirs) for ours, theirs in ending.contracts.values())
    narrator.say(f"as ACTUS contracts the deal pays {parts}: difference {differ}", ending.as_contracts)


def tell_reconciliation(result: Reconciliation, life: Life, narrator: Narrator) -> None:
    """Say every sum and whether it is right."""
    words = life.money.words
    for kind, sums in result.payments().items():
        line = f"{kind}: expected {words(sums['expected'])}, actual {words(sums['actual'])}"
        narrator.say(f"{line}, difference {sums['difference']} minor units", sums["difference"] == 0)
    narrator.say(
        "reconciled per party, holder and payment: difference 0"
        if result.ok
        else f"{len(result.differences)} differences: {result.differences[:3]}",
        result.ok,
    )
