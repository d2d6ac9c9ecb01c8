"""A vehicle's waterfall in plain words: each step, each covenant, an amount, and whatever has a name.

Every text is a template that `say` of a writer fills in, so that a page can say it in another language.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

from finance.report.text import money
from finance.settlement.waterfall_plan import CASH, LOSSES
from finance.terms import amounts as file
from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.spv import Covenant, Spv, Step
from finance.terms.swap import KpiPayment
from finance.terms.tranche import Tranche
from finance.terms.values import NumbersTerm, NumberTerm

LISTED: Final = 4
"""So many names are listed; of more the first ones, and how many others there are."""


class Writer(Protocol):
    """How texts and numbers are written in a language."""

    def say(self, message: str, /, **values: Any) -> str: ...

    def deal(self, text: str) -> str:
        """A text of the deal file."""
        ...

    def money(self, amount: Decimal) -> str: ...

    def percent(self, fraction: Decimal) -> str: ...

    def number(self, value: Decimal) -> str: ...

    def joined(self, words: Sequence[str]) -> str: ...


class English:
    """In English; amounts in a currency by its `code`."""

    def __init__(self, code: str) -> None:
        self.code = code

    def say(self, message: str, /, **values: Any) -> str:
        return message.format(**values)

    def deal(self, text: str) -> str:
        return text

    def money(self, amount: Decimal) -> str:
        return f"{self.code} {money(amount, 0 if amount == int(amount) else 2)}"

    def percent(self, fraction: Decimal) -> str:
        return f"{plain(100 * fraction)} %"

    def number(self, value: Decimal) -> str:
        return plain(value)

    def joined(self, words: Sequence[str]) -> str:
        *others, last = words
        return f"{', '.join(others)} and {last}" if others else last


class Teller:
    """Tells the waterfall of a deal's only vehicle. Raises InputError for a deal without one."""

    def __init__(self, deal: Deal, write: Writer | None = None) -> None:
        self.deal, self.spv = deal, deal.only(Spv)
        self.write: Writer = write or English(deal.currency.code)
        self.say = self.write.say
        self.loans: dict[str, str] = {}
        self.swaps = self.deal.having(KpiPayment)
        self.names = dict(self._names())
        """What people call all that has a name: pots, lines, measures, claims, loans and covenants."""

    def _names(self) -> Iterator[tuple[str, str]]:
        spv, deal = self.spv, self.write.deal
        yield CASH, self.say("Cash")
        yield LOSSES, self.say("Written off")
        for group in (spv.lines, spv.pots, spv.payables, spv.covenants):
            for key, each in group.items():
                yield key, deal(each.title)
        for key, measure in spv.measures.items():
            yield key, deal(self.deal.kpis[measure.kpi].title)
        for key, swap in self.swaps.items():
            yield key, deal(swap.title)
            yield f"{key}.owed", self.say("Owed on {swap}", swap=deal(swap.title))
        for key, tranche in self.deal.having(Tranche).items():
            yield key, deal(tranche.title)
            if tranche.rate is not None:
                self.loans[key] = deal(tranche.title)
        for key, facility in spv.facilities.items():
            self.loans[key] = deal(facility.title)
        for key, title in self.loans.items():
            yield key, title
            yield f"{key}.interest", self.say("Interest on {loan}", loan=title)
            yield f"{key}.principal", self.say("Principal of {loan}", loan=title)

    # -- steps

    def steps(self) -> list[str]:
        """The steps, in order."""
        return [self.step(step) for step in self.spv.steps]

    def step(self, step: Step) -> str:
        """What a step does, how much, and when."""
        return self._together([self._does(step), *self._limits(step)])

    def _does(self, step: Step) -> str:
        say, names = self.say, self.names
        pot = names[step.from_ or CASH]
        if step.pay is not None:
            return say("Pay out of “{pot}”: {claims}.", pot=pot, claims=self._listed(step.pay, step))
        if step.prepay is not None:
            loans = self._listed(step.prepay, step)
            return say("Repay before it is due, out of “{pot}”: {loans}.", pot=pot, loans=loans)
        if step.rest is not None:
            return say(
                "Give away what is left in “{pot}”: {claims}.", pot=pot, claims=self._listed(step.rest, step)
            )
        if step.write_down is not None:
            return say("Write losses off: {loans}.", loans=self._listed(step.write_down, step))
        if step.test is not None:
            return self.covenant(step.test)
        to = names[step.to or CASH]
        if step.move is not None:
            moved, filled = names[step.move], self._filled(step)
            if filled is not None:
                return say("Fill “{to}” out of “{pot}” up to {amount}.", to=to, pot=moved, amount=filled)
            return say("Move what is in “{pot}” to “{to}”.", pot=moved, to=to)
        if step.draw is not None:
            return say(
                "Draw on {loan}: move money from “{pot}” to “{to}”.", loan=names[step.draw], pot=pot, to=to
            )
        return say(
            "Repay {loan}: move money from “{pot}” to “{to}”.", loan=names[str(step.repay)], pot=pot, to=to
        )

    def _filled(self, step: Step) -> str | None:
        """What a pot is filled up to, where a move's limit is what it lacks."""
        limit = step.limit
        if isinstance(limit, file.Total) and limit.less == [step.to] and len(limit.total) == 1:
            return self.amount(limit.total[0])
        return None

    def _limits(self, step: Step) -> Iterator[str]:
        say, names = self.say, self.names
        if step.limit is not None and not (step.move and self._filled(step)):
            yield say("At most {amount}.", amount=self.amount(step.limit))
        if step.while_:
            yield say(
                "Only while this has failed: “{covenants}”.",
                covenants=self._all([names[k] for k in step.while_]),
            )
        if step.unless:
            yield say(
                "Not while this has failed: “{covenants}”.",
                covenants=self._all([names[k] for k in step.unless]),
            )
        if step.when == "always":
            yield say("After the last period too.")
        elif step.when == "after":
            yield say("After the last period only.")
        if step.note is not None:
            yield say("({note})", note=self.write.deal(step.note))

    def _listed(self, keys: Sequence[str], step: Step) -> str:
        """Claims or loans, and in which order they share."""
        names = self._all([self.names[key] for key in keys])
        if len(keys) == 1:
            return names
        if step.order == "pro_rata":
            return self.say("{names}, each in proportion to what it is owed", names=names)
        if step.order == "weights" and step.weights is not None:
            weights = step.weights.value
            if len(set(weights)) == 1:
                return self.say("{names}, in equal parts", names=names)
            return self.say(
                "{names}, in the proportions {weights}",
                names=names,
                weights=" : ".join(map(self.write.number, weights)),
            )
        return self.say("{names}, one after the other", names=names)

    def _all(self, words: Sequence[str]) -> str:
        if len(words) <= LISTED:
            return self.write.joined(words)
        others = self.say("{count} others", count=len(words) - LISTED + 1)
        return self.write.joined([*words[: LISTED - 1], others])

    def _together(self, sentences: Sequence[str]) -> str:
        first, *others = sentences
        for each in others:
            first = self.say("{one} {another}", one=first, another=each)
        return first

    # -- covenants

    def covenant(self, key: str) -> str:
        """What is tested, against what, and how a fail is cured."""
        test = self.spv.covenants[key]
        return self._together([self._tested(key, test), *self._cured(test)])

    def _tested(self, key: str, test: Covenant) -> str:
        say, name, limit = self.say, self.names[key], test.least if test.most is None else test.most
        assert limit is not None  # as the rules see to
        value = self.amount(test.value)
        if test.per is not None:
            value = say("{value} to {per}", value=value, per=self.amount(test.per))
        bound = self._bound(test, limit)
        if test.most is None:
            return say(
                "Test “{covenant}”: {value} must be at least {bound}.",
                covenant=name,
                value=value,
                bound=bound,
            )
        return say(
            "Test “{covenant}”: {value} must be at most {bound}.", covenant=name, value=value, bound=bound
        )

    def _bound(self, test: Covenant, limit: file.Amount) -> str:
        if isinstance(test.value, str) and test.value in self.spv.measures and test.per is None:
            kpi = self.deal.kpis[self.spv.measures[test.value].kpi]
            if isinstance(limit, NumberTerm):
                return (
                    self.write.percent(limit.value) if kpi.unit == "fraction" else self._unit(limit, kpi.unit)
                )
        return self.amount(limit, ratio=test.per is not None)

    def _unit(self, value: NumberTerm, unit: str) -> str:
        number = self.write.number(value.value)
        return self.say("{number} {unit}", number=number, unit=self.write.deal(unit))

    def _cured(self, test: Covenant) -> Iterator[str]:
        times = 1 if test.cured_by is None else int(test.cured_by.value)
        if not times:
            yield self.say("Once failed it stays so.")
        elif times > 1:
            yield self.say("A fail stands until it has been passed {count} times in a row.", count=times)
        if test.within_days is not None:
            days = int(test.within_days.value)
            yield self.say("Not cured within {days} days it stays failed.", days=days)

    # -- amounts

    def amount(self, amount: file.Amount, ratio: bool = False) -> str:
        """An amount; `ratio`: its numbers are no money, but parts of 1."""
        say = self.say
        number = self.write.percent if ratio else self.write.money
        if isinstance(amount, str):
            return self._named(amount)
        if isinstance(amount, NumberTerm):
            return number(amount.value)
        if isinstance(amount, NumbersTerm):
            low, high = min(amount.value), max(amount.value)
            if low == high:
                return number(low)
            return say("{low} to {high}, by period", low=number(low), high=number(high))
        if isinstance(amount, file.Total):
            total = self._sum(amount.total, ratio)
            if not amount.less:
                return total
            return say("{total} less {less}", total=total, less=self._sum(amount.less, ratio))
        if isinstance(amount, file.Share):
            rate = self.amount(amount.rate, ratio=True)
            return say("{rate} of {amount}", rate=rate, amount=self.amount(amount.share, ratio))
        if isinstance(amount, file.Interest):
            rate = self.amount(amount.interest, ratio=True)
            return say("interest at {rate} a year on {amount}", rate=rate, amount=self._sum(amount.on, ratio))
        if isinstance(amount, file.Least):
            return say("the least of {amounts}", amounts=self._sum(amount.least, ratio))
        if isinstance(amount, file.Most):
            return say("the largest of {amounts}", amounts=self._sum(amount.most, ratio))
        if isinstance(amount, file.Table):
            return self._table(amount, ratio)
        return say(
            "{then} while this has failed: “{covenant}”, else {otherwise}",
            then=self.amount(amount.then, ratio),
            covenant=self.names[amount.failed],
            otherwise=self.amount(amount.otherwise, ratio),
        )

    def _table(self, table: file.Table, ratio: bool) -> str:
        say, write = self.say, self.write
        value = self.amount(table.table)
        if table.per is not None:
            value = say("{value} to {per}", value=value, per=self.amount(table.per))
        at = write.money if table.per is None else write.percent
        is_ = write.percent if ratio else write.money
        rows = [
            say("{amount} from {bound} on", amount=is_(r.is_.value), bound=at(r.at.value)) for r in table.rows
        ]
        return say("by {value}: {rows}", value=value, rows=write.joined(rows))

    def _sum(self, amounts: Sequence[file.Amount], ratio: bool) -> str:
        """Amounts one beside the other; all lines of revenue in a few words."""
        lines, names = set(self.spv.lines), {each for each in amounts if isinstance(each, str)}
        if len(lines) > 1 and len(names) == len(amounts):
            if names == lines:
                return self.say("revenue of all lines")
            if names == {f"{line}.due" for line in lines}:
                return self.say("what all lines owe")
        return self._all([self.amount(each, ratio) for each in amounts])

    def _named(self, name: str) -> str:
        say, (key, _, what) = self.say, name.rpartition(".")
        if name in self.spv.lines or name in self.swaps:
            return say("revenue of “{line}”", line=self.names[name])
        if name in self.spv.measures or name == CASH or name in self.spv.pots:
            return (
                say("what is in “{pot}”", pot=self.names[name])
                if name not in self.spv.measures
                else self.names[name]
            )
        if name in self.names:
            return say("what is unpaid of “{claim}”", claim=self.names[name])
        if what == "due" and key in self.spv.lines:
            return say("what “{line}” owes", line=self.names[key])
        if what == "due":
            return say("what fell due of “{claim}”", claim=self.names[key])
        if what == "balance":
            return say("what is not repaid of “{loan}”", loan=self.names[key])
        if what == "lost":
            return say("what was written off “{loan}”", loan=self.names[key])
        return say("seconds since “{covenant}” failed", covenant=self.names[key])
