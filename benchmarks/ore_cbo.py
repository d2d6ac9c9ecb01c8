"""A cash-flow CBO for ORE (Open Source Risk Engine), as files, and what it says each tranche is worth.

A pool of zero-coupon bonds that all mature on one day, discounted at nothing, with no fees and no coverage
tests, so that a tranche is worth its size less its expected loss. ORE is no requirement of the project:

    python3 -m venv ore && ore/bin/pip install open-source-risk-engine
    PENSTOCK_ORE_PYTHON=ore/bin/python penstock bench securitisation

Each bond has a coupon date in the past. Without one, ORE 1.8.17 multiplies the flows of a bond whose
reference data has a notional of 1 by the position's notional twice (setReinvestmentScalar in
OREData/ored/portfolio/bondbasket.cpp compares the two).
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from finance.securitisation import Pool, Tranche

TODAY, MATURITY, AFTER = "2020-01-01", "2030-01-01", "2030-01-02"
YEARS = 3653 / 365  # from TODAY to MATURITY as the curves below count it
SEED = 42
RUN = "import sys, ORE; p = ORE.Parameters(); p.fromFile(sys.argv[1]); ORE.OREApp(p, False).run()"


def interpreter() -> str | None:
    """The Python that has ORE: PENSTOCK_ORE_PYTHON, or this one; None when there is none."""
    return os.environ.get("PENSTOCK_ORE_PYTHON") or (sys.executable if find_spec("ORE") else None)


def values(python: str, folder: Path, pool: Pool, layers: tuple[Tranche, ...], samples: int) -> list[float]:
    """What ORE says each of `layers` is worth, in currency, by `samples` paths written to `folder`."""
    for name, text in files(pool, layers, samples).items():
        (folder / name).write_text(text, encoding="utf-8")
    done = subprocess.run([python, "-c", RUN, "ore.xml"], cwd=folder, capture_output=True, text=True)
    if done.returncode or not (folder / "npv.csv").exists():
        raise RuntimeError(f"ORE failed: {(done.stdout + done.stderr)[-500:]}")
    with (folder / "npv.csv").open(encoding="utf-8") as file:
        found = {row["#TradeId"]: float(row["NPV"]) for row in csv.DictReader(file)}
    return [found[f"T{k}"] for k in range(len(layers))]


def files(pool: Pool, layers: tuple[Tranche, ...], samples: int) -> dict[str, str]:
    """ORE's input files by name."""
    names = [f"N{k}" for k in range(len(pool.issuers))]
    market = [f"{TODAY} DISCOUNT/RATE/EUR/FLAT/{term} 1.0" for term in ("1Y", "30Y")]
    for name, issuer in zip(names, pool.issuers, strict=True):
        market += [
            f"{TODAY} HAZARD_RATE/RATE/{name}/SR/EUR/30Y {issuer.hazard.rates[0]!r}",
            f"{TODAY} RECOVERY_RATE/RATE/{name}/SR/EUR {float(issuer.recovery)!r}",
            f"{TODAY} RECOVERY_RATE/RATE/{name} {float(issuer.recovery)!r}",
            f"{TODAY} BOND/YIELD_SPREAD/{name} 0.0",
        ]
    named = [(f"T{k}", float(layer.size)) for k, layer in enumerate(layers)][::-1]
    engine = {"Samples": samples, "Bins": 20, "Seed": SEED, "Correlation": pool.issuers[0].correlation}
    return {
        "market.txt": "\n".join(market) + "\n",
        "fixings.txt": "",
        "conventions.xml": CONVENTIONS,
        "curveconfig.xml": tag("CurveConfiguration", CURVE, *_credit_configurations(names)),
        "todaysmarket.xml": _todays_market(names),
        "pricingengine.xml": tag(
            "PricingEngines",
            _engine(
                "CBO", "OneFactorCopula", "MonteCarloCBOEngine", engine | {"LossDistributionPeriods": "10Y"}
            ),
            _engine("Bond", "DiscountedCashflows", "DiscountingRiskyBondEngine", {"TimestepPeriod": "6M"}),
        ),
        "reference_data.xml": _reference(names, pool, named),
        "portfolio.xml": tag("Portfolio", *(_trade(name, size) for name, size in named)),
        "ore.xml": ORE,
    }


def tag(name: str, /, *inside: object, **attributes: object) -> str:
    """An XML element."""
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{given}>{''.join(map(str, inside))}</{name}>"


def parameters(values: dict[str, object]) -> str:
    return "".join(tag("Parameter", value, name=name) for name, value in values.items())


def _credit_configurations(names: list[str]) -> tuple[str, str]:
    curves, securities = "", ""
    for name in names:
        recovery = f"RECOVERY_RATE/RATE/{name}"
        hazard = tag("Quotes", tag("Quote", f"HAZARD_RATE/RATE/{name}/SR/EUR/30Y"))
        configuration = tag(
            "Configuration",
            "<Type>HazardRate</Type><DiscountCurve/><DayCounter>A365</DayCounter>",
            tag("RecoveryRate", f"{recovery}/SR/EUR"),
            hazard,
            "<Conventions>CDS</Conventions><Extrapolation>true</Extrapolation>",
            priority=0,
        )
        head = tag("CurveId", name) + "<CurveDescription/>"
        curves += tag("DefaultCurve", head, tag("Currency", "EUR"), tag("Configurations", configuration))
        quotes = tag("SpreadQuote", f"BOND/YIELD_SPREAD/{name}") + tag("RecoveryRateQuote", recovery)
        securities += tag("Security", head, quotes)
    return tag("DefaultCurves", curves), tag("Securities", securities)


def _todays_market(names: list[str]) -> str:
    kinds = ("YieldCurves", "DiscountingCurves", "DefaultCurves", "Securities")
    return tag(
        "TodaysMarket",
        tag("Configuration", *(tag(f"{kind}Id", "default") for kind in kinds), id="default"),
        tag("YieldCurves", tag("YieldCurve", "Yield/EUR/FLAT", name="FLAT"), id="default"),
        tag("DiscountingCurves", tag("DiscountingCurve", "Yield/EUR/FLAT", currency="EUR"), id="default"),
        tag("DefaultCurves", *(tag("DefaultCurve", f"Default/EUR/{n}", name=n) for n in names), id="default"),
        tag("Securities", *(tag("Security", f"Security/{n}", name=n) for n in names), id="default"),
    )


def _engine(product: str, model: str, engine: str, given: dict[str, object]) -> str:
    inside = tag("Model", model), "<ModelParameters/>", tag("Engine", engine)
    return tag("Product", *inside, tag("EngineParameters", parameters(given)), type=product)


def _schedule(*days: str) -> str:
    calendar = "<Calendar>NullCalendar</Calendar><Convention>U</Convention>"
    return tag("ScheduleData", tag("Dates", calendar, tag("Dates", *(tag("Date", day) for day in days))))


def _reference(names: list[str], pool: Pool, layers: list[tuple[str, float]]) -> str:
    off = "<ICRatio>-1.0</ICRatio><OCRatio>-1.0</OCRatio>"  # a negative ratio is no test
    notes = [tag("Tranche", tag("Name", n), off, tag("Notional", size), ZERO) for n, size in layers]
    held = [
        tag(
            "SubTrade",
            "<SubTradeType>Bond</SubTradeType>",
            tag("BondData", tag("SecurityId", name), tag("BondNotional", float(issuer.notional))),
            id=name,
        )
        for name, issuer in zip(names, pool.issuers, strict=True)
    ]
    structure = tag(
        "CboReferenceData",
        "<Currency>EUR</Currency><DayCounter>A365</DayCounter><PaymentConvention>U</PaymentConvention>",
        "<SeniorFee>0</SeniorFee><FeeDayCounter>A365</FeeDayCounter><SubordinatedFee>0</SubordinatedFee>",
        "<EquityKicker>0</EquityKicker>",
        tag("CBOTranches", *notes),
        _schedule(TODAY, AFTER),
        tag("BondBasketData", *held),
    )
    pool_datum = tag("ReferenceDatum", "<Type>CBO</Type>", structure, id="POOL")
    return tag("ReferenceData", pool_datum, *map(_bond, names))


def _bond(name: str) -> str:
    leg = tag(
        "LegData",
        "<LegType>Fixed</LegType><Payer>false</Payer><Currency>EUR</Currency><DayCounter>A365</DayCounter>",
        "<PaymentConvention>U</PaymentConvention><Notionals><Notional>1</Notional></Notionals>",
        _schedule("2018-01-01", "2019-01-01", MATURITY),
        ZERO,
    )
    data = tag(
        "BondReferenceData",
        tag("IssuerId", name),
        tag("CreditCurveId", name),
        "<ReferenceCurveId>FLAT</ReferenceCurveId><SettlementDays>0</SettlementDays>",
        "<Calendar>NullCalendar</Calendar><IssueDate>2018-01-01</IssueDate>",
        leg,
    )
    return tag("ReferenceDatum", "<Type>Bond</Type>", data, id=name)


def _trade(name: str, size: float) -> str:
    bought = tag("TrancheName", name) + tag("Notional", size) + tag("StructureId", "POOL")
    data = tag("CBOData", tag("CBOInvestment", bought))
    return tag("Trade", "<TradeType>CBO</TradeType><Envelope/>", data, id=name)


ZERO = "<FixedLegData><Rates><Rate>0.0</Rate></Rates></FixedLegData>"
CONVENTIONS = tag(
    "Conventions",
    "<Zero><Id>Zero</Id><TenorBased>true</TenorBased><DayCounter>A365</DayCounter>",
    "<CompoundingFrequency>Annual</CompoundingFrequency><Compounding>Continuous</Compounding>",
    "<TenorCalendar>NullCalendar</TenorCalendar><SpotLag>0</SpotLag><SpotCalendar>NullCalendar</SpotCalendar>",
    "<RollConvention>F</RollConvention><EOM>false</EOM></Zero>",
    "<CDS><Id>CDS</Id><SettlementDays>0</SettlementDays><Calendar>NullCalendar</Calendar>",
    "<Frequency>Quarterly</Frequency><PaymentConvention>F</PaymentConvention><Rule>Forward</Rule>",
    "<DayCounter>A365</DayCounter><SettlesAccrual>true</SettlesAccrual>",
    "<PaysAtDefaultTime>true</PaysAtDefaultTime></CDS>",
)
CURVE = tag(
    "YieldCurves",
    "<YieldCurve><CurveId>FLAT</CurveId><CurveDescription/><Currency>EUR</Currency><DiscountCurve/><Segments>",
    "<Direct><Type>Discount</Type><Quotes><Quote>DISCOUNT/RATE/EUR/FLAT/1Y</Quote>",
    "<Quote>DISCOUNT/RATE/EUR/FLAT/30Y</Quote></Quotes><Conventions>Zero</Conventions></Direct></Segments>",
    "<InterpolationVariable>Discount</InterpolationVariable>",
    "<InterpolationMethod>LogLinear</InterpolationMethod><YieldCurveDayCounter>A365</YieldCurveDayCounter>",
    "<Extrapolation>true</Extrapolation></YieldCurve>",
)
SETUP: dict[str, object] = {
    "asofDate": TODAY,
    "inputPath": ".",
    "outputPath": ".",
    "marketDataFile": "market.txt",
    "fixingDataFile": "fixings.txt",
    "logFile": "log.txt",
    "logMask": 15,
    "curveConfigFile": "curveconfig.xml",
    "conventionsFile": "conventions.xml",
    "marketConfigFile": "todaysmarket.xml",
    "pricingEnginesFile": "pricingengine.xml",
    "portfolioFile": "portfolio.xml",
    "referenceDataFile": "reference_data.xml",
    "observationModel": "Disable",
}
NPV: dict[str, object] = {"active": "Y", "outputFileName": "npv.csv", "baseCurrency": "EUR"}
ORE = tag(
    "ORE",
    tag("Setup", parameters(SETUP)),
    tag("Markets", parameters({"pricing": "default"})),
    tag("Analytics", tag("Analytic", parameters(NPV), type="npv")),
)
