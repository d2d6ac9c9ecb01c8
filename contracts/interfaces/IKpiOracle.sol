// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title KPI oracle
/// @notice Brings signed KPI values of an asset on chain: k of n nodes sign, the median counts, anyone may challenge it
/// with a bond before it is final, an independent panel rules, and consumers pull. Where the nodes bring no report in
/// time, anyone may petition the panel, which can set the value by evidence.
/// @dev A feed never changes: its id is the hash of its whole configuration, so a signature over the feed id is a
/// signature over the signers, bounds, deadlines, panel and method as well. Nobody owns the contract. A status is read
/// from the clock, so a report becomes final, or missing, without a transaction.
/// Whatever anybody does, a period is final or missing once its reporting, late, dispute and ruling windows have passed,
/// one after the other.
/// Rewards for upheld challenges come from a pool that anyone can fill; the bond of a dismissed one goes to that pool,
/// never to the panel. A period pays one reward, and no more than its equal share of what the pool then holds for it and
/// the periods after it. What is left goes to the sponsor when all periods are over.
/// Assumes: fewer liars than the quorum can bear, f = max(1, floor((nodes - 1) / 3)); panellists are independent of the
/// parties.
interface IKpiOracle {
    /// @param deal terms hash of the deal
    /// @param kpi the KPI's id, as a short string in bytes32
    /// @param decimals a value v means v / 10^decimals in the KPI's unit
    /// @param minValue, maxValue bounds of an acceptable observation, inclusive
    /// @param maxSpread largest acceptable difference between the observations of one report
    /// @param signers the nodes, ascending by address, at most 32
    /// @param quorum how many of them make a report: more than half, and more than twice the liars to be borne
    /// (f = max(1, floor((nodes - 1) / 3))), so that f of them cannot move the median past honest values. Fewer than three
    /// nodes bear no liar, and are no feed; of three all must sign
    /// @param methodHash hash of the method by which nodes compute the KPI
    /// @param periodEnds end of each measurement period, ascending
    /// @param reportingWindow seconds after a period's end in which a report may come unasked
    /// @param lateWindow seconds after that in which what went wrong can still be put right: a challenged report restated,
    /// one that leaves nodes out completed, and the panel petitioned where there is none. Then it is missing
    /// @param disputeWindow seconds in which a report may be challenged before it is final; no more than the late window,
    /// so that whoever left a node out in the last second can be corrected
    /// @param rulingWindow seconds the panel has; if it stays silent all is as before, and the bond goes back
    /// @param bondCurrency, challengeBond, challengeReward what a challenger stakes and may win
    /// @param sponsor who gets what the reward pool still holds when all periods are over
    /// @param panel, panelQuorum who rules, ascending by address
    /// @param consumers contracts whose use of a report ends its restatement
    struct FeedConfig {
        bytes32 deal;
        bytes32 kpi;
        bytes32 methodHash;
        int128 minValue;
        int128 maxValue;
        uint128 maxSpread;
        uint32 reportingWindow;
        uint32 lateWindow;
        uint32 disputeWindow;
        uint32 rulingWindow;
        uint8 quorum;
        uint8 panelQuorum;
        uint8 decimals;
        address bondCurrency;
        uint128 challengeBond;
        uint128 challengeReward;
        address sponsor;
        uint64[] periodEnds;
        address[] signers;
        address[] panel;
        address[] consumers;
    }

    /// @notice One node's signed value. EIP-712 type:
    /// Observation(bytes32 feed,uint32 period,uint32 version,int128 value,uint64 observedAt,bytes32 evidence)
    /// @param value KPI in 10^-decimals of its unit
    /// @param observedAt when the node computed it, unix seconds, within [period end, now]
    /// @param signer index in the feed's signers
    /// @param evidence root of the node's evidence bundle
    /// @param r, vs compact signature (EIP-2098)
    struct Observation {
        int128 value;
        uint64 observedAt;
        uint8 signer;
        bytes32 evidence;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice One panellist's signature on a ruling. EIP-712 type:
    /// Ruling(bytes32 feed,uint32 period,uint32 version,bytes32 report,uint8 verdict,int128 value,bytes32 evidence)
    /// @dev `report` is the evidence of the report that is ruled on, zero of a petition: a fuller report has the same
    /// version, and the first answer to a petition may have it, but none has the same evidence.
    struct PanelSignature {
        uint8 panellist;
        bytes32 r;
        bytes32 vs;
    }

    /// @dev None: not yet reported. Challenged: the panel may rule on a report, or on a petition for one. Missing: the
    /// deadlines passed without a report, or the panel found no value.
    enum Status {
        None,
        Pending,
        Challenged,
        Final,
        Missing
    }

    /// @dev Stands: the challenge fails, or the petition: it is missing. Corrected: the panel's value counts. Void: no value
    /// can be had.
    enum Verdict {
        Stands,
        Corrected,
        Void
    }

    /// @param value median, or the panel's value
    /// @param evidence keccak256 of the evidence roots of the report's observations in order, or the panel's evidence root
    /// @param finalAt when it becomes (became) final or missing unless something happens, or was ruled
    /// @param version as its nodes signed it; a restatement has a higher one
    /// @param used a consumer has settled on it
    struct Report {
        Status status;
        int128 value;
        bytes32 evidence;
        uint64 finalAt;
        uint32 version;
        bool used;
    }

    event FeedCreated(bytes32 indexed feed, bytes32 indexed deal, bytes32 indexed kpi, FeedConfig config);
    /// @param signers index plus one of each signer, one byte each, in the order of the values (lowest byte first)
    /// @param supersedes evidence of the report this one restates or completes, or zero
    event ReportSubmitted(
        bytes32 indexed feed,
        uint32 indexed period,
        uint32 version,
        int128 value,
        bytes32 evidence,
        uint64 finalAt,
        uint256 signers,
        bytes32 supersedes
    );
    event ChallengeCommitted(bytes32 indexed commitment);
    event ReportChallenged(
        bytes32 indexed feed, uint32 indexed period, uint32 version, address indexed challenger, bytes32 evidence
    );
    /// @notice The panel is asked for the value of a period that nobody reported.
    event PeriodPetitioned(bytes32 indexed feed, uint32 indexed period, address indexed petitioner, bytes32 evidence);
    event ReportRuled(
        bytes32 indexed feed, uint32 indexed period, uint32 version, Verdict verdict, int128 value, bytes32 evidence
    );
    /// @param credited bond and reward the challenger or petitioner can withdraw; zero when it was dismissed
    event ChallengeSettled(bytes32 indexed feed, uint32 indexed period, address indexed challenger, uint256 credited);
    event ReportUsed(bytes32 indexed feed, uint32 indexed period, uint32 version, address indexed consumer);
    event CreditWithdrawn(address indexed currency, address indexed account, uint256 amount);
    event RewardsFunded(bytes32 indexed feed, address indexed from, uint256 amount);
    event RewardsReleased(bytes32 indexed feed, address indexed sponsor, uint256 amount);

    error KpiOracle_InvalidConfig(string what);
    error KpiOracle_UnknownFeed(bytes32 feed);
    error KpiOracle_UnknownPeriod(bytes32 feed, uint32 period);
    error KpiOracle_PeriodNotEnded(uint64 periodEnd);
    error KpiOracle_DeadlinePassed(uint64 deadline);
    error KpiOracle_BelowQuorum(uint256 have, uint256 need);
    error KpiOracle_UnknownSigner(uint256 index);
    error KpiOracle_DuplicateSigner(uint256 index);
    error KpiOracle_BadSignature(uint256 index, address recovered);
    error KpiOracle_ValueOutOfBounds(int128 value);
    error KpiOracle_SpreadTooWide(uint256 spread, uint256 maxSpread);
    error KpiOracle_StaleObservation(uint64 observedAt);
    error KpiOracle_WrongStatus(Status status);
    error KpiOracle_StillOpen(uint64 until);
    error KpiOracle_NotCommitted(bytes32 commitment);
    error KpiOracle_SameValue(int128 value);
    error KpiOracle_WrongValue(int128 named, int128 reported);
    error KpiOracle_AlreadyUsed(bytes32 feed, uint32 period);
    error KpiOracle_NotConsumer(address caller);
    error KpiOracle_NotFinal(bytes32 feed, uint32 period, Status status);
    error KpiOracle_NothingToSettle(bytes32 feed, uint32 period);
    error KpiOracle_WrongVersion(uint32 asked, uint32 current);
    error KpiOracle_NotFuller(uint32 signers, uint32 offered);
    error KpiOracle_UnsupportedCurrency(address currency, uint256 expected, uint256 received);

    /// @notice Create a feed, or find it if the very same one exists. Anyone may: the id binds the whole configuration, so
    /// nobody can squat on another's, nor block a deal by creating its feed first.
    function createFeed(FeedConfig calldata config) external returns (bytes32 feed);

    /// @notice Report a period: at least `quorum` observations, ascending by value, distinct signers.
    /// @dev While the reporting window is open: the first report of a period, of any version, or a restatement, of any
    /// higher version, of one that is not used and not ruled on. So nobody who has a node sign versions ahead of the chain
    /// burns them. While it is challenged (or petitioned for), in the late window too.
    /// Until a report is final, but not after the late window: the same version with more signers, all that it had among
    /// them. So nobody who leaves out an honest observation moves the median for good.
    /// Each has its own dispute window, but for a fuller report of the same value: it takes over the window there is, and
    /// the challenge, so that a signature kept back puts nothing off.
    /// What changes a challenged value ends the challenge: a restatement says that the challenger was right, and pays it as
    /// the panel would; a fuller report or an answered petition, for which no node has corrected itself, gives the bond
    /// back. A restatement to the challenged value is refused.
    function submit(bytes32 feed, uint32 period, uint32 version, Observation[] calldata observations) external;

    /// @notice Announce a challenge or petition without saying what it is. It must be opened within an hour.
    /// @param commitment keccak256(abi.encode(challenger, feed, period, value, evidence, salt)) for {challenge},
    /// keccak256(abi.encode(petitioner, feed, period, evidence, salt)) for {petition}
    /// @dev Who copies an opened challenge has committed later, and gets nothing for it: the first to commit is the
    /// challenger, though another was opened before. To commit again what is committed changes nothing.
    function commitChallenge(bytes32 commitment) external;

    /// @notice Challenge a pending report, staking the feed's bond. It must have been committed to.
    /// @param value the reported value that is wrong, so that whoever changes it just before cannot catch the challenger
    /// out
    /// @param evidence root of the challenger's own evidence bundle, or hash of its reasons
    /// @param salt chosen by the challenger, in the commitment
    function challenge(bytes32 feed, uint32 period, int128 value, bytes32 evidence, bytes32 salt) external;

    /// @notice In the late window, ask the panel for the value of a period that nobody has reported, staking the feed's
    /// bond. It must have been committed to.
    /// @dev Wins no reward: else whoever keeps nodes silent could be paid for it.
    function petition(bytes32 feed, uint32 period, bytes32 evidence, bytes32 salt) external;

    /// @notice Settle a challenge or petition with the panel's signed ruling. Anyone may bring it.
    /// @dev On the report there is now: signed for another one, it is refused as nobody's of the panel.
    function rule(
        bytes32 feed,
        uint32 period,
        Verdict verdict,
        int128 value,
        bytes32 evidence,
        PanelSignature[] calldata signatures
    ) external;

    /// @notice Give the bond back when the panel stayed silent. Anyone may call.
    function settleSilentPanel(bytes32 feed, uint32 period) external;

    /// @notice Pay an account what settled challenges have credited to it. Anyone may call; the money goes to the account.
    /// @dev Pulled, so that a challenger who cannot be paid can never block a ruling.
    function withdraw(address currency, address account) external returns (uint256 amount);

    /// @notice Add to the pool that rewards upheld challenges.
    function fundRewards(bytes32 feed, uint256 amount) external;

    /// @notice Credit the sponsor with what the pool holds, once the last period can no longer be reported or disputed.
    /// Anyone may call, again when more has come in.
    function releaseRewards(bytes32 feed) external returns (uint256 amount);

    /// @notice For a consumer of the feed: the settled value, marking the report as used.
    /// @return value the settled value; zero and without meaning when missing
    /// @return missing true when there is no value and never will be
    function consume(bytes32 feed, uint32 period) external returns (int128 value, bool missing);

    function reportOf(bytes32 feed, uint32 period) external view returns (Report memory);
    function statusOf(bytes32 feed, uint32 period) external view returns (Status);
    /// @notice When a period's measurement ends, unix seconds.
    function periodEndOf(bytes32 feed, uint32 period) external view returns (uint64);

    function configOf(bytes32 feed) external view returns (FeedConfig memory);
    function rewardPool(bytes32 feed) external view returns (uint256);
    function creditOf(address currency, address account) external view returns (uint256);
    function challengerOf(bytes32 feed, uint32 period) external view returns (address);

    /// @notice What a node signs.
    function observationDigest(
        bytes32 feed,
        uint32 period,
        uint32 version,
        int128 value,
        uint64 observedAt,
        bytes32 evidence
    ) external view returns (bytes32);

    /// @notice What a panellist signs.
    /// @param report evidence of the report that is ruled on, or zero
    /// @param evidence root of the panel's evidence
    function rulingDigest(
        bytes32 feed,
        uint32 period,
        uint32 version,
        bytes32 report,
        Verdict verdict,
        int128 value,
        bytes32 evidence
    ) external view returns (bytes32);
}
