def test_probe(live, parties, base, chain, report):
    from conftest import warp
    t=live.token
    print("transfer", t.transfer(parties.other, 1, {"from": parties.investor}).gas_used)
    print("new holder", t.transfer(parties.third, 1, {"from": parties.investor}).gas_used)
    base.currency.approve(t, 2**256-1, {"from": parties.issuer})
    print("distribute", t.distribute(10**9, {"from": parties.issuer}).gas_used)
    print("distribute", t.distribute(10**9, {"from": parties.issuer}).gas_used)
    print("transfer both unsettled", t.transfer(parties.other, 1, {"from": parties.investor}).gas_used)
    print("claim", t.claim(parties.investor, {"from": parties.investor}).gas_used)
    warp(chain, live.plan.period_end+1)
    print("submit", report(live, [300_000, 310_000, 320_000]).gas_used)
    print("deploy", live.tx.gas_used)


def test_err(live, parties, base, chain, report, errors, SecurityToken):
    import brownie
    t = live.token
    for f in (lambda: t.mint(parties.investor, 1, {"from": parties.stranger}),
              lambda: t.transfer(parties.stranger, 1, {"from": parties.investor}),
              lambda: t.claimable.call(parties.investor, 5) ,
              lambda: t.mint.call(parties.investor, 1, {"from": parties.stranger}),
              lambda: t.allowance.call(parties.investor, parties.stranger),
              lambda: t.permit(parties.investor, parties.stranger, 1, 0, 27, b"\1"*32, b"\1"*32, {"from":parties.stranger})):
        try:
            r = f()
            print("no revert", r)
        except Exception as e:
            print(type(e), repr(getattr(e, "revert_msg", None)), str(e)[:300])
