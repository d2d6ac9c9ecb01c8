"""The longer examples of the API's description: answers of a service over one small bond, shortened to one
element a list. It is the bond of api.views.example_deal on a local chain, after eight coupons."""

from __future__ import annotations

from typing import Any

DEPLOYMENT_ID = "dc-water-eib-2016-dcb8b5a4"
TERMS_HASH = "0xf39215809abd1d3bad4b6d9154a4bc9bf0670f6a37f9c25992cd556c465bfa54"
CHAIN_ID = 31337
DEPLOYED = {
    "block": 8,
    "time": 1473897600,
    "tx": "0x9e22efd2e278157deb288f2b153ea40269c196ec735e35d76ab0bd3c1b06b3c5",
}
FEED_ID = "0x1a790e168f5df48528e02a69cdaec2bdcdf612dd3c3f987f98b629feec894156"
TOKEN, OFFERING = "0x7C42199cCDfbE6d4A9Ac34f82acA33F80FADC17A", "0x8e451F40987cEe99353689660bf657De5C75E3dD"
ORACLE, CURRENCY = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512", "0x0165878A594ca255338adfa4d48449f69242Eb8F"
DEPLOYER, INVESTOR = (
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
)
NODE, PANELLIST = "0x0e9971c0005D91336c1441b8F03c1C4fe5FB4584", "0x9B63F0Cef479924E5d2C4E22DBE31E6d0353B448"
EVIDENCE_ROOT = "0xb00d1dadccd67e41b38a8fd1ed99a4c3957de591c89024056c968f32439a25d6"
NOBODY = "0x0000000000000000000000000000000000000000"
_ACTIVATED = {
    "block": 19,
    "log": 1,
    "time": 1475107200,
    "tx": "0xce47d520fe88ac21dd99bbab450cd81c8f62b094b6ff31262fa0819379d8f706",
}
_REPORTED = {
    "block": 45,
    "log": 0,
    "time": 1610236809,
    "tx": "0xa5fda680450a54913a3d699dbeb50e19f6497ef2a0fd13e02155c9fa717dffc9",
}

# -- a deal of the deal book

DEAL_ROW: dict[str, Any] = {
    "id": "dc-water-eib-2016",
    "title": "DC Water Environmental Impact Bond, Series 2016B",
    "kind": "kpi_bond",
    "instrument": "Environmental Impact Bond, Series 2016B",
    "asset": "Green infrastructure in the Rock Creek sewershed",
    "asset_kind": "stormwater",
    "currency": "USD",
    "principal": "25000000000000",
    "starts": "2016-10-01",
    "ends": "2021-04-01",
    "kpis": ["runoff-reduction"],
    "inputs": 43,
    "assumed": 24,
    "terms_hash": "0x37e00c31b724caaf3baba9f5b648e42bd7f4bd520cb2be4c51cd612a2c25431b",
}

DEAL: dict[str, Any] = {
    **DEAL_ROW,
    "summary": "A tax-exempt bond that pays for green infrastructure in the Rock Creek sewershed. Once the "
    "works have been measured, the issuer pays investors a bonus if they cut stormwater runoff by more than "
    "expected, and investors pay the issuer if they cut it by less.",
    "currency_terms": {"code": "USD", "decimals": 6},
    "parties": [
        {
            "key": "issuer",
            "name": "District of Columbia Water and Sewer Authority",
            "roles": ["issuer", "data_controller"],
            "source": "pfs",
        }
    ],
    "asset_terms": {
        "id": "rock-creek-project-a",
        "title": "Green infrastructure in the Rock Creek sewershed",
        "kind": "stormwater",
        "twin": "stormwater",
    },
    "kpi_terms": [
        {
            "key": "runoff-reduction",
            "title": "Runoff reduction",
            "unit": "fraction",
            "decimals": 6,
            "direction": "higher_is_better",
            "baseline": "runoff of the same sewershed on the same rain without the works",
            "data_stream": "flow monitoring of the sewershed before and after the works",
            "pnl_line": "outcome payment",
            "minimum": -1.0,
            "maximum": 1.0,
            "periods": 1,
            "starts": "2020-01-01",
            "ends": "2020-12-31",
            "process": "normal",
        }
    ],
    "parts": [
        {
            "key": "bond",
            "kind": "kpi_bond",
            "title": "Environmental Impact Bond, Series 2016B",
            "symbol": None,
            "names": {"token": "token"},
        }
    ],
    "sources": [
        {
            "key": "release",
            "title": "DC Water's Pioneering Environmental Impact Bond a Success",
            "publisher": "DC Water",
            "url": "https://www.dcwaterbonds.com/dc-water-dc/about/news-events/i198",
        }
    ],
    "terms": [
        {
            "field": "asset.parameters.impervious_area_acres",
            "value": "25",
            "origin": "sourced",
            "source": "release",
            "because": "DC Water, DC Water's Pioneering Environmental Impact Bond a Success "
            "(25 acres of works were installed; 20 were planned)",
            "url": "https://www.dcwaterbonds.com/dc-water-dc/about/news-events/i198",
        }
    ],
}

# -- a deployment

STATE: dict[str, Any] = {
    "state": "active",
    "title": "Active",
    "sentence": "8 of 9 coupons are paid; matures on 2021-04-01.",
    "since": _ACTIVATED,
    "time": 1610236809,
    "facts": [
        {"name": "units", "title": "Units in issue", "value": "7", "measure": "units", "trace": _ACTIVATED}
    ],
    "steps": [
        {
            "what": "final",
            "title": "Runoff reduction, period 1: the report can be challenged until 2021-01-24",
            "time": 1611446409,
            "due": True,
            "action": "challenge",
            "kpi": "runoff-reduction",
            "period": 0,
        }
    ],
}

DEPLOYMENT: dict[str, Any] = {
    "id": DEPLOYMENT_ID,
    "deal": "dc-water-eib-2016",
    "title": "DC Water Environmental Impact Bond, small issue",
    "summary": "Pays more if the works cut runoff by more than expected, and less if they cut it by less.",
    "kind": "kpi_bond",
    "instrument": "KPI bond",
    "terms_hash": TERMS_HASH,
    "chain_id": CHAIN_ID,
    "client": "anvil/v1.7.1",
    "currency": {"code": "USD", "decimals": 6, "token": CURRENCY},
    **DEPLOYED,
    "shifted_days": 0,
    "state": STATE,
    "contracts": [{"role": "token", "name": "SecurityToken", "address": TOKEN, "shared": False}],
    "wallets": [{"role": "deployer", "address": DEPLOYER}],
    "actions": ["subscribe"],
    "collections": ["distributions"],
    "as_of": {"block": 45, "time": 1610236809},
}

KPI_PERIOD: dict[str, Any] = {
    "period": 0,
    "start": 1577836800,
    "end": 1609459200,
    "report_until": 1613347200,
    "status": "pending",
    "value": 0.299969,
    "raw": "299969",
    "version": 0,
    "final_at": 1611446409,
    "used": False,
    "y": "0",
    "forecast": {
        "mean": 0.2995,
        "p05": 0.2042478,
        "p25": 0.2604408,
        "p50": 0.2995,
        "p75": 0.3385592,
        "p95": 0.3947522,
        "basis": "normal with 95 % between 0.186 and 0.413",
    },
    "trace": _REPORTED,
}

RECONCILIATION: dict[str, Any] = {
    "ok": True,
    "block": 45,
    "time": 1610236809,
    "payments": [{"kind": "coupon", "expected": "960400000", "actual": "960400000", "difference": "0"}],
    "checks": [
        {
            "name": "money: bond: in less out = held",
            "expected": "19039600000",
            "actual": "19039600000",
            "difference": "0",
        }
    ],
    "rows": 24,
    "different": 0,
    "unclaimed": "823200000",
    "deployment": [],
    "notes": [],
}

# -- the oracle

FEED: dict[str, Any] = {
    "deployment": DEPLOYMENT_ID,
    "deal": "dc-water-eib-2016",
    "kpi": "runoff-reduction",
    "title": "Runoff reduction",
    "feed": FEED_ID,
    "contract": ORACLE,
    "method": "swmm-paired-rain/1",
    "signers": [NODE],
    "quorum": 3,
    "panel": [PANELLIST],
    "panel_quorum": 2,
    "reporting_window": 3888000,
    "dispute_window": 1209600,
    "late_window": 1296000,
    "ruling_window": 1814400,
    "challenge_bond": "10000000000",
    "challenge_reward": "5000000000",
    "reward_pool": "5000000000",
    "periods": 1,
    "reported": 1,
    "status": "a report can be challenged until 2021-01-24",
    "next_period": 0,
    "next_time": 1611446409,
}

TWIN: dict[str, Any] = {
    "twin": "stormwater",
    "version": "1.0.0",
    "method": "swmm-paired-rain/1",
    "method_hash": "0xec906317e4e4589acededb4c85060dec17c1d4fb7475c366d985a5974e7437f6",
    "description": "Runoff of the sewershed (surface runoff plus underdrain outflow) in EPA SWMM 5, without "
    "and with the works, on the same gauged rain; KPI = 1 - after/before, rounded half to even at its "
    "decimals.",
    "engine": "SWMM 5.2.4",
    "tolerance": "0.00001",
    "current": True,
    "deals": ["dc-water-eib-2016"],
    "evidence": [
        {
            "deployment": DEPLOYMENT_ID,
            "kpi": "runoff-reduction",
            "period": 0,
            "evidence": EVIDENCE_ROOT,
        }
    ],
}

EVIDENCE: dict[str, Any] = {
    "root": EVIDENCE_ROOT,
    "kpi": "runoff-reduction",
    "period": 0,
    "version": 0,
    "gauge": "gauge-3",
    "value": 0.299969,
    "raw": "299969",
    "period_start": 1577836800,
    "period_end": 1609459200,
    "method": "swmm-paired-rain/1",
    "files": [
        {
            "name": "after.inp",
            "bytes": 10792,
            "sha256": "0xa577594d51f2884327964495ac7802522b6b52ae4c3e6e29c6f6bd4443e411e5",
            "keccak256": "0xc562a678a9f81289bffa721d0630ba621dbe916b9809eb40378afdc5b46442ac",
            "href": f"/v1/deployments/{DEPLOYMENT_ID}/reports/runoff-reduction/0/evidence/{EVIDENCE_ROOT}"
            "/after.inp",
        }
    ],
}

OBSERVATION_FILE: dict[str, Any] = {
    "decimals": 6,
    "feed": FEED_ID,
    "gauge": "gauge-3",
    "kpi": "runoff-reduction",
    "period": 0,
    "period_end": 1609459200,
    "period_start": 1577836800,
    "schema": "penstock/evidence/1",
    "value": "299969",
    "version": 0,
}
RAIN_FILE = (
    "# NREL TMY3 Greensboro Piedmont Triad Int., NC (USAF 723170), placed in 2020\n"
    "# step_seconds=3600 steps=8784 first=2020-01-01T00:00:00Z\n"
    "start_utc,depth_mm\n"
    "2020-01-01T08:00:00Z,0.42\n"
)
MODEL_FILE = "[TITLE]\nstormwater 1.0.0, with works\n[OPTIONS]\nFLOW_UNITS LPS\nINFILTRATION GREEN_AMPT\n"

RECOMPUTED: dict[str, Any] = {
    "deployment": DEPLOYMENT_ID,
    "kpi": "runoff-reduction",
    "period": 0,
    "version": 0,
    "ok": False,
    "holds": True,
    "value": 0.299969,
    "honest": 0.296805,
    "checks": [{"name": "feed on chain", "ok": True, "detail": "KPI, decimals, signers and quorum"}],
    "culprits": [
        {
            "node": NODE,
            "signer_index": 0,
            "reason": "does not recompute: results.json: reduction = 0.4446573214268731, but its own raw "
            "data give 0.294657",
        }
    ],
    "evidence": "0x2bf0bf4931d1cb6f270a1d1a4ec48af4645a49be1a6803d146f878e884b1f713",
    "block": 45,
    "time": 1610236809,
    "seconds": 2.678,
}

# -- a subscription: prepared, signed and done

PREPARED: dict[str, Any] = {
    "deployment": DEPLOYMENT_ID,
    "action": "subscribe",
    "title": "Buy 3 units for USD 3,000.00",
    "from": INVESTOR,
    "block": 16,
    "ok": True,
    "affordable": True,
    "steps": [
        {
            "title": "Buy 3 units for USD 3,000.00",
            "contract": "offering",
            "function": "subscribe",
            "to": OFFERING,
            "data": "0x0f574ba70000000000000000000000000000000000000000000000000000000000000003",
            "value": "0",
            "chain_id": CHAIN_ID,
            "gas": 134196,
            "fee": "174064644722616",
            "outcome": {
                "simulated": True,
                "ok": True,
                "moves": [
                    {
                        "asset": "units",
                        "from": NOBODY,
                        "to": INVESTOR,
                        "amount": "3",
                        "words": "You receive 3 units.",
                    }
                ],
            },
        }
    ],
}

SIGNED = (
    "0x02f892827a6901843b9aca0085174876e80083020c34948e451f40987cee99353689660bf657de5c75e3dd80a40f574ba7"
    "0000000000000000000000000000000000000000000000000000000000000003c080a08a7276acc996f3d2c1c4a7de6f0e6d"
    "ff3c818d0320cad9027a6cf169de0f0944a020af4fb6c6065d5005f9708b588c7d709102f3f8fd6eaa30fe6ed3d1b5f89c40"
)
SIGNED_HASH = "0xe091bd437aba227bd098a0fa5367b202d417534175eb008b0f96a7983acfcdaf"

TRANSACTION: dict[str, Any] = {
    "hash": SIGNED_HASH,
    "state": "done",
    "from": INVESTOR,
    "to": OFFERING,
    "deployments": [DEPLOYMENT_ID],
    "action": "subscribe",
    "title": "Bought units in the offering",
    "contract": "offering",
    "function": "subscribe",
    "arguments": {"units": "3"},
    "block": 17,
    "time": 1473897605,
    "confirmations": 1,
    "gas_used": 96388,
    "fee": "108919083679064",
    "moves": [
        {
            "asset": "units",
            "from": NOBODY,
            "to": INVESTOR,
            "amount": "3",
            "words": "3 units newly issued to 0x15d3…6A65.",
        }
    ],
    "events": [
        {
            "log": 0,
            "deployment": DEPLOYMENT_ID,
            "contract": "offering",
            "address": OFFERING,
            "name": "Subscribed",
            "arguments": {"investor": INVESTOR, "units": "3", "paid": "3000000000"},
        }
    ],
}
