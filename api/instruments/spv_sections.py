"""What a vehicle shows on its page: its money from line to claim, the pool, tranches, steps and covenants."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from api.i18n import plain
from api.instruments.base import Case
from api.instruments.sections import Drawing, Section, Steps, Table
from api.instruments.spv_case import failed_since, lines, made, registers
from api.instruments.spv_words import told
from api.instruments.words import Say, Write
from finance.report.sankey import Words, laid_out, summed
from finance.report.waterfall_words import Teller
from finance.securitisation.planned import planned
from finance.settlement.spv_terms import VehicleTerms, vehicle_terms
from finance.terms import Deal
from finance.terms.swap import KpiPayment
from finance.terms.tranche import Tranche
from finance.waterfalls.projection import Flow


def sections(deal: Deal, say: Say, write: Write, case: Case | None) -> list[Section]:
    """Of a deal; with a `case`, as it stands."""
    return list(_Sections(deal, say, write, case).all())


class _Sections:
    def __init__(self, deal: Deal, say: Say, write: Write, case: Case | None) -> None:
        self.deal, self.say, self.write, self.case = deal, say, write, case
        self.teller: Teller = told(deal, say, write)
        self.spv, self.names = self.teller.spv, self.teller.names
        self.terms: VehicleTerms = vehicle_terms(deal)

    def all(self) -> Iterable[Section]:
        say = self.say
        yield Section(
            "money",
            say("Where the money goes"),
            say("From what pays in, by the steps below, to whoever is owed."),
            drawings=list(self.drawings()),
        )
        yield Section("pool", say("What pays in"), tables=[self.pool()])
        yield Section("tranches", say("Tranches"), tables=[self.tranches()])
        yield Section(
            "steps",
            say("How it is spent"),
            say("Each period, in this order, as far as the money goes."),
            tables=[self.owed()] if self.spv.payables or self.spv.facilities else [],
            steps=Steps(say("Steps"), self.teller.steps()),
        )
        if self.spv.covenants:
            yield Section("covenants", say("Covenants"), tables=[self.covenants()])

    def minor(self, amount: int) -> str:
        return self.write.amount(self._major(amount), self.deal.currency.code, 0)

    def short(self, amount: float) -> str:
        return f"{self.deal.currency.code} {self.write.short(amount)}"

    def _major(self, amount: int) -> Decimal:
        return Decimal(amount).scaleb(-self.terms.currency_decimals)

    # -- where it goes

    def drawings(self) -> Iterable[Drawing]:
        say, count = self.say, len(self.terms.plan.due)
        if self.case is not None and (moved := made(self.case)):
            run = 1 + max(flow.period for flow in moved)
            words = say.plural(
                "What came in and was paid in one period.",
                "What came in and was paid in {count} periods.",
                min(run, count),
            )
            yield self._drawing("happened", say("So far"), words, moved)
        words = say.plural(
            "The one period, if everything comes in as expected, with what is left in the end.",
            "All {count} periods, if everything comes in as expected, with what is left in the end.",
            count,
        )
        yield self._drawing("planned", say("As planned"), words, planned(self.deal).flows())

    def _drawing(self, name: str, title: str, sentence: str, flows: Iterable[Flow]) -> Drawing:
        say, every = self.say, list(flows)
        called = {key: plain(words) for key, words in self.names.items()}
        words = Words(
            again=lambda pot: say("out of {pot}", pot=pot),
            others=lambda count: say("{count} others", count=count),
            amount=self.short,
        )
        pairs = [(called.get(f.source, f.source), called.get(f.target, f.target), f.amount) for f in every]
        drawn = laid_out([(one, to, float(self._major(amount))) for one, to, amount in pairs], words)
        rows = [
            [self.names.get(source, source), self.names.get(target, target), self.minor(int(amount))]
            for source, target, amount in summed((f.source, f.target, f.amount) for f in every)
        ]
        columns = [(say("From"), "text"), (say("To"), "text"), (say("Amount"), "number")]
        return Drawing(name, title, drawn, sentence, Table(title, columns, rows))

    # -- tables

    def pool(self) -> Table:
        say = self.say
        columns = [
            (say("Source of revenue"), "text"),
            (say("Paid by"), "text"),
            (say("Principal"), "number"),
            (say("Rate"), "number"),
        ]
        now = {} if self.case is None else {each.key: each for each in lines(self.case)}
        columns += (
            [(say("Due so far"), "number"), (say("Paid so far"), "number"), (say("In arrears"), "number")]
            if now
            else [(say("Expected in all"), "number")]
        )
        rows = []
        for (key, line), expected in zip(self.spv.lines.items(), self.terms.expected, strict=False):
            payer, loan = line.payer, line.receivable
            row = [
                self.names[key],
                say("anybody") if payer is None else say.deal(self.deal.parties[payer].name),
                "" if loan is None else self.teller.write.money(loan.principal.value),
                "" if loan is None else self.write.plain_percent(loan.rate.value),
            ]
            found = now.get(key)
            amounts = (sum(expected),) if found is None else (found.due, found.paid, found.arrears)
            rows.append([*row, *map(self.minor, amounts)])
        for key in self.terms.swaps:
            payer = say.deal(self.deal.parties[self.deal.part(key, KpiPayment).payer].name)
            # What a swap is to bring is its own to say.
            paid = ["", self.minor(now[key].paid), ""] if now else [""]
            rows.append([self.names[key], payer, "", "", *paid])
        return Table(say("What pays in"), columns, rows)

    def tranches(self) -> Table:
        say, found = self.say, {each.key: each for each in self.terms.tranches}
        columns = [
            (say("Tranche"), "text"),
            (say("Principal"), "number"),
            (say("Rate"), "number"),
            (say("Units"), "number"),
        ]
        if self.case is not None:
            columns += [(say("Not repaid"), "number"), (say("Paid so far"), "number")]
        rows = []
        for key, each in self.deal.having(Tranche).items():
            rate = say("what is left") if each.rate is None else self.write.plain_percent(each.rate.value)
            row = [
                self.names[key],
                self.teller.write.money(each.principal.value),
                rate,
                self.write.stated(Decimal(found[key].units)),
            ]
            if self.case is not None:
                row += self._tranche_now(self.case, key, each)
            rows.append(row)
        return Table(say("Tranches"), columns, rows)

    def _tranche_now(self, case: Case, key: str, tranche: Tranche) -> list[str]:
        paid = sum(flow.amount for flow in made(case) if flow.target.split(".")[0] == key)
        if tranche.rate is None:
            return ["", self.minor(paid)]
        balance = registers(case)[f"{key}.balance"]
        share = self._major(balance) / tranche.principal.value
        left = f"{self.minor(balance)} ({self.write.plain_percent(round(share, 4))})"
        return [left, self.minor(paid)]

    def owed(self) -> Table:
        """What is owed to others than holders."""
        say = self.say
        columns = [(say("Who is owed besides"), "text"), (say("Payee"), "text"), (say("Falls due"), "text")]
        kept = {} if self.case is None else registers(self.case)
        if kept:
            columns.append((say("Owed now"), "number"))
        rows = []
        for key, payee in self.spv.payees.items():
            claims = (key,) if key in self.spv.payables else (f"{key}.interest", f"{key}.principal")
            row = [self.names[key], say.deal(self.deal.parties[payee].name), self._falls_due(key)]
            rows.append([*row, self.minor(sum(kept[claim] for claim in claims))] if kept else row)
        return Table(say("Who is owed besides holders"), columns, rows)

    def _falls_due(self, key: str) -> str:
        if key in self.spv.facilities:
            return self.teller.write.money(self.spv.facilities[key].balance.value)
        due = self.spv.payables[key].due
        return self.say("what the steps leave for it") if due is None else self.teller.amount(due)

    def covenants(self) -> Table:
        say = self.say
        columns = [(say("Covenant"), "text"), (say("What is tested"), "text")]
        failed: dict[str, int] = {}
        if self.case is not None:
            columns += [(say("Status"), "text")]
            failed = failed_since(self.case)
        rows = []
        for key in self.spv.covenants:
            row = [self.names[key], self.teller.covenant(key)]
            if self.case is not None:
                since = failed.get(key)
                row.append(
                    say("Stands")
                    if since is None
                    else say("Failed since {day}", day=self.write.day_text(since))
                )
            rows.append(row)
        return Table(say("Covenants"), columns, rows)
