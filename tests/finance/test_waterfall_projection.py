"""Projections of waterfalls against a published deal, the engine that published it, and a plain ladder."""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import replace
from datetime import date
from fractions import Fraction
from random import Random

import numpy as np
import pandas as pd
import pytest
import waterfall as peer
from waterfall.report import export

from benchmarks.waterfall import ALONE, run
from finance.settlement import SettlementError
from finance.settlement.waterfall import Op, Order, When
from finance.settlement.waterfall_plan import (
    CASH,
    LOSSES,
    Due,
    Interest,
    Plan,
    Schedule,
    Spend,
    Table,
    Total,
    While,
)
from finance.waterfalls import project, project_paths
from tests.finance.waterfall_deals import CFADS, MATURE, UNIT, ladder, peer_deal, project_loan, readme_deal


def test_the_published_figures() -> None:
    """waterfall-py's README: 1,666.67 drawn of the reserve at first, 1,265,416.67 of it to the mezzanine at
    the end, and a cover of 0.998811 that is no 1.0."""
    made = project(readme_deal(), {"cfads": CFADS}, {"mature": MATURE})
    drawn = [flow for flow in made.flows() if flow.source == "dsra"]
    assert [(flow.period, flow.target) for flow in drawn] == [(0, "senior.principal"), (7, "mezz.principal")]
    assert [round(flow.amount / UNIT, 2) for flow in drawn] == [1_666.67, 1_265_416.67]
    ratios = [each for (each,) in made.ratios("default")]
    assert round(float(ratios[0] or 0), 6) == 0.998811
    assert (
        [each is not None and each < 1 for each in ratios] == made.failed("default") == [True] + [False] * 7
    )
    assert made.failed("trap") == [True] * 7 + [False]


def test_the_same_deal_by_its_own_engine() -> None:
    theirs = export.to_period_dataframe(peer.run(peer_deal()))
    ours = project(readme_deal(), {"cfads": CFADS}, {"mature": MATURE})

    def near(mine: list[int], column: pd.Series) -> None:
        assert np.array(mine) / UNIT == pytest.approx(column.to_numpy(dtype=float), abs=1e-4)

    near(ours.after("dsra"), theirs["reserve_balances"].map(lambda each: each["DSRA"]))
    near(ours.paid("senior.interest"), theirs["interest_by_tranche"].map(lambda each: each["senior"]))
    near(ours.paid("senior.principal"), theirs["principal_by_tranche"].map(lambda each: each["senior"]))
    near(ours.paid("mezz.principal"), theirs["principal_by_tranche"].map(lambda each: each["mezz"]))
    near(ours.paid("equity"), theirs["equity_distribution"])
    ratios = [float(each or 0) for (each,) in ours.ratios("trap")]
    assert ratios == pytest.approx(theirs["dscr"].to_list(), rel=1e-12)


def test_a_plain_ladder_comes_to_the_same(seed: int) -> None:
    """Random project loans of forty quarters, to a hundredth of a cent, lock-ups, arrears and all."""
    rng, locked, short = Random(f"{seed}/ladder"), 0, 0
    for case in range(120):
        plan, figures = project_loan(rng, 40)
        level = figures["opex"] + figures["senior"] // 30
        revenue = [level * rng.randrange(40, 180) // 100 for _ in plan.due]
        made = project(plan, {"revenue": revenue})
        compiled = plan.compiled
        theirs = ladder(figures, plan.due, revenue)
        principal = np.array(made.paid("senior.principal"))
        mine = pd.DataFrame(
            {
                "opex": made.paid("opex"),
                "interest": made.paid("senior.interest"),
                "principal": principal,
                "mezz": made.paid("mezz.interest"),
                "equity": made.paid("equity"),
                **{name: made.after(name) for name in ("cash", "reserve")},
                "senior": made.after("senior.balance"),
                "unpaid": made.after("mezz.interest"),
            }
        )
        theirs["principal"] += theirs.pop("sweep")
        apart = (mine - theirs[list(mine)]).abs().to_numpy().max()
        assert apart < UNIT / 10_000, (
            f"{apart} apart (PENSTOCK_SEED={seed}, case {case}): {compiled.waterfall}"
        )
        locked += sum(made.failed("lock_up"))
        short += sum(each > 0 for each in made.after("senior.interest"))
    assert locked > 100
    assert short > 5


def test_the_benchmark_measures_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says what is not."""
    rivals = {"Project loan: a ladder in pandas", "waterfall-py's README deal: waterfall-py"}
    assert {row["what"] for row in run(1)["results"] if row["rival"]} == rivals
    monkeypatch.setitem(sys.modules, "waterfall", None)
    alone = run(1)
    assert len(alone["results"]) == 4
    assert ALONE in alone["note"]


def test_paths_agree_with_the_projection(seed: int) -> None:
    """The kernel in floats comes to what the integers do, path by path."""
    rng = Random(f"{seed}/paths")
    for case in range(8):
        plan, figures = project_loan(rng, 24)
        level = figures["opex"] + figures["senior"] // 20
        revenue = [[level * rng.randrange(40, 180) // 100 for _ in plan.due] for _ in range(30)]
        paths = project_paths(plan, {"revenue": revenue})
        for i, each in enumerate(revenue):
            made = project(plan, {"revenue": each})
            for name, values in paths.paid.items():
                assert values[i] == pytest.approx(made.paid(name), abs=UNIT / 10_000), (name, i, case, seed)
            for name, values in paths.after.items():
                assert values[i] == pytest.approx(made.after(name), abs=UNIT / 10_000), (name, i, case, seed)
            for name, flags in paths.failed.items():
                assert flags[i].tolist() == made.failed(name), (name, i, case, seed)


def test_flows_are_all_money_that_moved(seed: int) -> None:
    """What a picture of the money is drawn from: into each pot and out of it, it adds up to what is held."""
    plan, _ = project_loan(Random(seed), 12)
    made = project(plan, {"revenue": [2 * 10**6 * UNIT + i for i in range(12)]})
    held: dict[str, int] = defaultdict(int, {CASH: 0, **plan.pots})
    paid: dict[str, int] = defaultdict(int)
    for flow in made.flows():
        held[flow.source] -= flow.amount
        (held if flow.target in plan.pot_names else paid)[flow.target] += flow.amount
    assert all(held[pot] == made.after(pot)[-1] for pot in plan.pot_names)
    assert paid == {name: sum(made.paid(name)) for name in plan.claim_names if sum(made.paid(name))}
    frame = made.frame()
    assert frame["paid"].sum().sum() == sum(paid.values())
    assert frame.index[0] == date(2025, 4, 1)


def test_a_loss_is_written_down_from_the_junior_up() -> None:
    plan = Plan(
        due=(1, 2),
        facts=("pool",),
        loans=(
            replace(readme_deal().loans[1], name="senior", balance=70),
            replace(readme_deal().loans[1], name="junior", balance=30),
        ),
        steps=(
            Spend(
                Op.WRITE_DOWN,
                ("junior.principal", "senior.principal"),
                limit=Total(("junior.balance", "senior.balance"), ("pool",)),
            ),
        ),
    )
    made = project(plan, {}, {"pool": [80, 65]})
    assert made.after("junior.balance") == [10, 0]
    assert made.after("senior.balance") == [70, 65]
    assert [(f.source, f.target, f.amount) for f in made.flows()] == [
        ("junior", LOSSES, 20),
        ("junior", LOSSES, 10),
        ("senior", LOSSES, 5),
    ]


def test_a_table_is_met_exactly() -> None:
    """Cash is swept by bands of a cover; 1.2 is reached by 12 to 10, and missed by one unit."""
    bands = Table("cfads", 10**9, ((0, 0), (12 * 10**17, 5), (15 * 10**17, 9)))
    plan = Plan((1, 2, 3), ("cfads",), claims=(Due("fee", bands),), steps=(Spend(Op.PAY, ("fee",)),))
    made = project(plan, {"cfads": [1_199_999_999, 1_200_000_000, 1_500_000_000]})
    assert made.paid("fee") == [0, 5, 9]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"steps": (Spend(Op.PAY, ("nobody",)),)}, "nobody: no claim of the waterfall"),
        ({"steps": (Spend(Op.PAY, ("opex",), "vault"),)}, "vault: no pot of the waterfall"),
        ({"steps": (Spend(Op.TEST, target="cover"),)}, "cover: no target of the waterfall"),
        ({"steps": (Spend(Op.PAY, ("opex", "opex")),)}, r"steps\[0\]"),
        ({"steps": (Spend(Op.PREPAY, ("opex",)),)}, r"steps\[0\]"),
        ({"claims": (Due("opex", "gold"),)}, "gold: the waterfall has no such name"),
        ({"steps": (Spend(Op.REST, ("opex",), order=Order.WEIGHTS, weights=(1, 1)),)}, "weights: 2 for 1"),
        ({"due": (2, 2)}, "due: from 1 to 480 times, ascending"),
        ({"pots": {"reserve": -1}}, "reserve: -1, must be from 0"),
        ({"lines": tuple("abcdefghijklmnopq")}, "more than 16 lines"),
        ({"claims": (Due("opex", Interest(1, ("cash",), ())),)}, "interest for the years of no period"),
        ({"claims": (Due("opex"), Due("revenue"))}, "revenue: stands twice"),
        ({"claims": (Due("opex", Schedule(())),)}, "a schedule of no periods"),
        ({"claims": (Due("opex", While("cover", 1, 2)),)}, "cover: no test of the waterfall"),
    ],
)
def test_what_cannot_be_compiled_is_refused(change: dict[str, object], says: str) -> None:
    plan = Plan((1,), ("revenue",), claims=(Due("opex"),))
    with pytest.raises(SettlementError, match=says):
        project(replace(plan, **change), {"revenue": [1]})  # type: ignore[arg-type]


def test_inputs_that_do_not_fit_are_refused() -> None:
    plan = Plan((1, 2), ("revenue",), claims=(Due("opex"),))
    with pytest.raises(SettlementError, match="inputs: tolls, not revenue"):
        project(plan, {"tolls": [1, 1]})
    with pytest.raises(SettlementError, match="revenue: 1 numbers, and period 2 needs another"):
        project(plan, {"revenue": [1]})
    with pytest.raises(SettlementError, match="inputs: tolls, not revenue"):
        project_paths(plan, {"tolls": [1, 1]})
    with pytest.raises(SettlementError, match="revenue: of shape"):
        project_paths(plan, {"revenue": [[1], [2]]})


def test_exact_ratios_decide() -> None:
    """A cover of 0.99881 is below 1, and one of exactly 1 is not."""
    made = project(readme_deal(), {"cfads": [14_016_666_666_666, *CFADS[1:]]}, {"mature": MATURE})
    assert made.ratios("default")[0] == [Fraction(1)]
    assert made.failed("default")[0] is False
    made = project(readme_deal(), {"cfads": [14_016_666_666_665, *CFADS[1:]]}, {"mature": MATURE})
    assert made.failed("default")[0] is True


def test_a_projection_ends_with_the_last_period() -> None:
    """Steps that are taken only after it are taken by neither kernel."""
    steps = (Spend(Op.PAY, ("fee",)), Spend(Op.REST, ("equity",), when=When.AFTER))
    plan = Plan((1, 2), ("tolls",), claims=(Due("fee", 30), Due("equity")), steps=steps)
    made, paths = project(plan, {"tolls": [100, 100]}), project_paths(plan, {"tolls": [100, 100]})
    assert made.after("cash") == [70, 140] == paths.after["cash"][0].tolist()
    assert made.paid("equity") == [0, 0] == paths.paid["equity"][0].tolist()
