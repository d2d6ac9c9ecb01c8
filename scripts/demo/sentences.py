"""What is done, told in the words of the pages, in English."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.i18n import DEFAULT, Translator
from api.instruments.acts import sentence_of
from chain.network import when
from finance.settlement.acts import Act, Done
from finance.terms.canonical import plain
from oracle.kpi import to_decimal
from scripts.demo.company import Company


class Sentences:
    """What events say, in the words of the pages (api.instruments.sentences), in English."""

    def __init__(self, life: Company) -> None:
        self.life, self.say, self.write = life, Translator(DEFAULT), self
        self._kpi = ""
        record = life.record
        self._kinds = {key: part.kind for key, part in record.parts.items()} | {
            each: each for each in record.shared
        }
        self._feeds = {feed: kpi for kpi, feed in record.feeds.items()}

    def of(self, act: Act, done: Done) -> Iterator[str]:
        """Of an act: what its own part says of it."""
        for event in done.emitted:
            self._kpi = self._feeds.get(event.arguments.get("feed", ""), self._kpi)
        for event in done.emitted:
            said = sentence_of(self._kinds[event.part], event.name, self, event.arguments)
            if event.part == act.part and said is not None:
                yield said

    # -- as sentences are made

    def money(self, amount: Any) -> str:
        return self.life.money.words(int(amount))

    def kpi(self, value: Any) -> str:
        return self.value(self._kpi, int(value))

    def value(self, kpi_id: str, value: int) -> str:
        """A value of a KPI with its unit."""
        kpi = self.life.deal.kpis[kpi_id]
        number = to_decimal(value, kpi.decimals)
        return f"{plain(100 * number)} %" if kpi.unit == "fraction" else f"{number} {kpi.unit}"

    def who(self, address: Any) -> str:
        name = self.life.called.get(str(address), str(address))
        return name[:1].upper() + name[1:]

    def day_text(self, moment: int) -> str:
        return when(moment)[:10]
