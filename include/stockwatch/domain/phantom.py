"""Phantom stock: how probable it is that a shelf is empty although the record shows stock.

A shelf with stock becomes empty with a daily hazard and is filled again, unseen, with a daily recovery. An empty one
sells nothing; one with stock sells nothing with the probability that its demand says. After a sale or a receipt the
shelf is known to have stock; k silent days later the odds follow from the k-th power of a two by two matrix.
"""

from __future__ import annotations

import math

import ibis
import ibis.expr.types as ir

from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.daily import AS_OF
from include.stockwatch.domain.demand import MASK_DAYS, bit_count, days_since, expected_days, newest, velocity_band
from include.stockwatch.domain.steps import step
from include.stockwatch.domain.sums import exact_sum

KEY = (AS_OF, "feed_id", *SERIES)
HAZARDS = tuple(0.00015 * 1.7**step for step in range(9))
"""From 0.00015 to 0.0105 a day: what is silent more often than that is not lost, it sells in fits and starts."""
RECOVERIES = (0.003, 0.01, 0.03, 0.06, 0.12, 0.25, 0.5)
USUAL_HAZARD, USUAL_RECOVERY = 0.002, 0.06
PRIOR_SPREAD = 1.5
"""Standard deviation of the logarithm that hazard and recovery of a feed are given beforehand: weak."""
BUCKET_SPREAD = 0.7
"""The same for the hazard at a record of some size, around the feed's."""
BUCKETS = 5
"""Records are told apart by powers of two units, up to this one."""
LONGEST = 56


def with_weights(table: ir.Table) -> ir.Table:
    """Add the weights of a shelf with stock and of an empty one, `silent_days` after a sale or receipt.

    A shelf may become empty on every day, that of the sale or receipt included, and then after what it sold.
    Units:  silence is the probability that a day with stock passes without a sale; the weights `stocked` and `empty`
            lack a factor that both have, larger^silent_days over twice the root of the eigenvalues' equation
    Source: eigenvalues of M = [[(1 - h) z, g z], [h z, 1 - g]], the weights are M^k (1 - h, h); without recovery the
            odds are h (1 + z + ... + z^k), each term with its power of 1 - h, against (1 - h) ((1 - h) z)^k
    """
    known = table.columns
    table = table.mutate(
        stays=(1 - table.hazard) * table.silence,
        returns=table.recovery * table.silence,
        enters=table.hazard * table.silence,
        remains=1 - table.recovery,
    )
    table = step(table)
    table = table.mutate(
        half=(table.stays + table.remains) / 2,
        determinant=table.stays * table.remains - table.returns * table.enters,
    )
    table = step(table)
    table = step(table.mutate(root=ibis.greatest(table.half**2 - table.determinant, 1e-18).sqrt()))
    table = step(table.mutate(larger=table.half + table.root, smaller=table.half - table.root))
    table = step(table.mutate(faded=(ibis.greatest(table.smaller, 0.0) / table.larger) ** table.silent_days))
    passed = 1 - table.faded
    table = table.mutate(
        stocked=(1 - table.hazard) * (table.stays - table.smaller - (table.stays - table.larger) * table.faded)
        + table.hazard * table.returns * passed,
        empty=(1 - table.hazard) * table.enters * passed
        + table.hazard * (table.remains - table.smaller - (table.remains - table.larger) * table.faded),
    )
    return step(table.select(*known, "stocked", "empty", "larger", "root"))


def no_sale(expected: ir.FloatingValue, shape: ir.FloatingValue, dispersion: ir.FloatingValue) -> ir.FloatingValue:
    """Logarithm of the probability that nothing is sold where some units are expected.

    Units:  shape is a of the Gamma posterior, in units of Poisson evidence
    Source: negative binomial days (variance = dispersion x mean) with a Gamma rate
    """
    near_one = (dispersion - 1).abs() < 1e-3
    per_unit = near_one.ifelse(1.0, dispersion.log() / near_one.ifelse(1.0, dispersion - 1))
    return -shape * (1 + per_unit * expected / shape).log()


def record_bucket(on_hand: ir.FloatingValue) -> ir.IntegerValue:
    """Size class of a record: 0 for up to one unit, then a power of two each."""
    return on_hand.clip(lower=1.0, upper=2.0**BUCKETS).log2().floor().cast("int64")


def runs(days: ir.Table, dispersions: ir.Table) -> ir.Table:
    """Silent runs in the history: from a sale or receipt to the next one, or to the checked date.

    Grain:  days as `demand.with_expected` -> (as_of, feed_id, record_bucket, silent_days, silence_class, sold), counted
    Units:  silence_class is four times the power of two of the units expected on a silent day
    """
    reports = days.group_by("feed_id").agg(reports=days.received_units.notnull().any())
    days = days.join(reports, "feed_id")
    along = ibis.window(group_by=KEY, order_by="business_date")
    before = days.on_hand_units.lag().over(along)
    risen = (days.on_hand_units - before + days.sold) >= 1
    came = days.reports.ifelse((days.received_units > 0).fill_null(False), risen.fill_null(False))
    days = step(days.mutate(came=came, record=before))
    event = (days.came | (days.sold > 0)).cast("int64")
    days = step(days.mutate(event=event))
    event = days.event
    days = step(
        days.mutate(run=event.sum().over(ibis.cumulative_window(group_by=KEY, order_by="business_date")) - event)
    )
    silent = (days.event == 0) & (days.on_sale == 1)
    found = (
        days.filter(days.run > 0)
        .group_by(*KEY, "run")
        .agg(
            silent_days=silent.sum().clip(upper=LONGEST),
            expected=exact_sum(days.expected_units, where=silent).fill_null(0.0),
            sold=((days.sold > 0) & ~days.came).any(),  # a receipt alone would explain that it sells again
            record=days.record.max(),
            base_rate=days.base_rate.max(),
            units=days.plain_units.max(),
        )
    )
    found = found.filter(found.base_rate.notnull() & found.record.notnull() & (found.record > 0))
    found = step(found.mutate(velocity_band=velocity_band(found.base_rate)))
    found = found.left_join(dispersions, [AS_OF, "feed_id", "velocity_band"], rname="{name}_of_band")
    dispersion = found.dispersion.fill_null(1.0)
    shape = ibis.greatest(found.units, 0.5) / dispersion
    silence = no_sale(found.expected, shape, dispersion) / found.silent_days.nullif(0)
    level = (-silence).clip(lower=2.0**-8, upper=8.0).log2() * 4
    return found.group_by(
        AS_OF,
        "feed_id",
        "silent_days",
        "sold",
        record_bucket=record_bucket(found.record),
        silence_class=level.round().cast("int64").fill_null(0),
    ).agg(runs=found.count())


def hazards(found: ir.Table) -> ir.Table:
    """Hazard and recovery of each feed, and the hazard at records of each size.

    Grain:  found as `runs` -> (as_of, feed_id, record_bucket)
    Source: posterior means on a grid, with a weak log-normal prior
    """
    of_feed = found.group_by(AS_OF, "feed_id", "silent_days", "sold", "silence_class").agg(runs=found.runs.sum())
    points = [
        {"hazard": h, "recovery": g, "prior": _log_normal(h, USUAL_HAZARD) + _log_normal(g, USUAL_RECOVERY)}
        for h in HAZARDS
        for g in RECOVERIES
    ]
    schema = ibis.schema(dict.fromkeys(("hazard", "recovery", "prior"), "float64"))
    grid = ibis.memtable([tuple(point.values()) for point in points], schema=schema)
    feed = _posterior(of_feed.cross_join(grid), (AS_OF, "feed_id"), ("hazard", "recovery"))
    sizes = ibis.memtable({"record_bucket": list(range(BUCKETS + 1))}, schema=ibis.schema({"record_bucket": "int64"}))
    line = ibis.memtable([(h,) for h in HAZARDS], schema=ibis.schema({"tried": "float64"}))
    none = feed.cross_join(sizes).mutate(silent_days=0, sold=False, silence_class=0, runs=0)
    columns = [AS_OF, "feed_id", "record_bucket", "silent_days", "sold", "silence_class", "runs"]
    own = found.join(feed, [AS_OF, "feed_id"])
    own = ibis.union(
        own.select(*columns, "hazard", "recovery"),
        none.select(*columns, "hazard", "recovery").cast(own.select(*columns, "hazard", "recovery").schema()),
    )
    own = step(own.cross_join(line))
    own = (
        own.mutate(prior=-(((own.tried / own.hazard).log() / BUCKET_SPREAD) ** 2) / 2)
        .drop("hazard")
        .rename(hazard="tried")
    )
    return _posterior(own, (AS_OF, "feed_id", "record_bucket"), ("hazard",), keep=("recovery",))


def _log_normal(value: float, usual: float) -> float:
    return -((math.log(value / usual) / PRIOR_SPREAD) ** 2) / 2


def _posterior(tried: ir.Table, group: tuple[str, ...], means: tuple[str, ...], keep: tuple[str, ...] = ()) -> ir.Table:
    """Posterior means (of the logarithm) of what was tried at the points of a grid."""
    tried = with_weights(step(tried.mutate(silence=(-(2.0 ** (tried.silence_class / 4.0))).exp())))
    # what does not depend on the point is left out: the probability of the sale itself
    seen = tried.stocked + tried.sold.ifelse(tried.recovery, 1.0) * tried.empty
    tried = step(
        tried.mutate(told=tried.runs * (seen.log() + tried.silent_days * tried.larger.log() - (2 * tried.root).log()))
    )
    points = tried.group_by(*group, "hazard", "recovery").agg(told=exact_sum(tried.told), prior=tried.prior.max())
    points = step(points.mutate(told=points.told + points.prior))
    best = points.told.max().over(ibis.window(group_by=group))
    points = step(points.mutate(weight=(points.told - best).exp()))
    total = points.group_by(*group).agg(
        weight=exact_sum(points.weight),
        **{name: exact_sum(points.weight * points[name].log()) for name in means},
        **{f"kept_{name}": points[name].max() for name in keep},
    )
    return step(
        total.select(
            *group,
            **{name: (total[name] / total.weight).exp() for name in means},
            **{name: total[f"kept_{name}"] for name in keep},
        )
    )


def empty_days(days: ir.NumericValue, silence: ir.FloatingValue, hazard: ir.FloatingValue) -> ir.FloatingValue:
    """Expected number of the silent days on which the shelf was empty, if it is empty now.

    Source: an onset j days after the sale or receipt counts q^j; recoveries within a run are neglected
    """
    q = ((1 - hazard) * silence).clip(upper=1 - 1e-9)
    faded = q**days
    return (days - q**2 * (1 - faded) / (1 - q)) / (1 - q * faded)


def with_hazard(table: ir.Table, found: ir.Table) -> ir.Table:
    """Positions with hazard and recovery of their feed at a record of their size."""
    table = step(table.mutate(record_bucket=record_bucket(table.on_hand_units.fill_null(0.0))))
    joined = table.left_join(found, [AS_OF, "feed_id", "record_bucket"], rname="{name}_of_size")
    return step(
        joined.select(
            *[name for name in table.columns if name != "record_bucket"],
            hazard=joined.hazard.fill_null(USUAL_HAZARD),
            recovery=joined.recovery.fill_null(USUAL_RECOVERY),
        )
    )


def last_event(table: ir.Table) -> ir.DateValue:
    """The last day on which the shelf was known to have stock."""
    sale, receipt = table.last_sale_date, table.last_receipt_date
    return ibis.coalesce(ibis.greatest(sale, receipt), sale, receipt)


def run_start(table: ir.Table) -> ir.DateValue:
    """First day of the silent run; of one without a beginning, the first day that a mask can hold."""
    first = ibis.coalesce(last_event(table), table.as_of - ibis.interval(days=MASK_DAYS))
    return (first + ibis.interval(days=1)).cast("date")


RUN = ("sale_mask", "promotion_mask", "promotion_factor", "factors", "last_sale_date", "last_receipt_date")
JUDGED = (*RUN, "frozen_a", "frozen_b", "prior_a", "prior_b", "dispersion", "hazard", "recovery")
POSSIBLE_BY_CHANCE = 0.1
"""Runs less probable than this, if the shelf has stock, are looked at for receipts that only the balance shows."""


RECEIPT_DAYS = 28
"""Receipts before the newest days are not looked for: a run that long is judged as it is."""


def silent_runs(table: ir.Table, noise: float) -> ir.Table:
    """Silent runs going on: their days, what was expected on them, and how probable their silence is with stock.

    Grain:  table (as_of, feed_id, series) with `JUDGED` -> the same, series with a silent day
    Units:  silent_days are days on sale without a sale since the last sale or receipt; silent_expected counts them
            as days of a mean weekday; no_sale is a logarithm
    """
    since = days_since(table, last_event(table)).fill_null(MASK_DAYS)
    a, b = table.frozen_a + table.prior_a, table.frozen_b + table.prior_b
    table = table.mutate(
        run_mask=table.sale_mask & newest(since),
        rate=(b > 0).ifelse(a / b, 0.0),
        shape=ibis.greatest(a / (table.dispersion * noise), 1e-3),
    )
    table = step(table)
    table = table.mutate(
        silent_days=bit_count(table.run_mask).cast("int64"), silent_expected=expected_days(table, table.run_mask)
    )
    table = step(table.filter(table.run_mask != 0).drop("run_mask"))
    chance = no_sale(table.silent_expected * table.rate, table.shape, table.dispersion)
    return step(table.mutate(no_sale=chance).drop("rate", "shape"))


def judged(rows: ir.Table, table: ir.Table, noise: float) -> ir.Table:
    """The probability that the shelf is empty, of every series with a silent run.

    Grain:  rows as `availability.marked`, table (as_of, feed_id, series) with `JUDGED` -> (as_of, feed_id, series)
    Units:  p_empty judges the run whatever the record of the date says; silence is the chance of one silent day
    """
    table = table.select(*KEY, *JUDGED)
    receipts = balanced_receipts(rows, silent_runs(table, noise))
    found = table.left_join(receipts, KEY, rname="{name}_by_balance")
    receipt = ibis.coalesce(found.last_receipt_date, found.risen_on)
    known = [name for name in table.columns if name != "last_receipt_date"]
    runs_ = silent_runs(step(found.select(*known, last_receipt_date=receipt)), noise)
    silence = (runs_.no_sale / runs_.silent_days).exp()
    kept = ("last_receipt_date", "silent_days", "silent_expected", "hazard", "recovery")
    weighed = with_weights(step(runs_.select(*KEY, *kept, silence=silence)))
    p_empty = weighed.empty / (weighed.empty + weighed.stocked)
    named = [*KEY, "silent_days", "silent_expected", "silence", "last_receipt_date"]
    return step(weighed.select(*named, p_empty=p_empty))


def balanced_receipts(rows: ir.Table, runs_: ir.Table) -> ir.Table:
    """For suspicious runs, the last day on which stock rose by more than the balance explains: an unreported receipt.

    A series that reports its receipts is believed.
    Grain:  rows as `availability.marked`, runs_ as `silent_runs` -> (as_of, feed_id, series)
    """
    suspicious = runs_.filter((runs_.no_sale < math.log(POSSIBLE_BY_CHANCE)) & runs_.last_receipt_date.isnull())
    suspicious = suspicious.select(*KEY, since=suspicious.last_sale_date)
    days = rows.filter(rows.age_days < RECEIPT_DAYS).join(suspicious, KEY)
    days = days.filter(days.on_hand_units.notnull() & (days.since.isnull() | (days.business_date >= days.since)))
    before = days.on_hand_units.lag().over(ibis.window(group_by=KEY, order_by="business_date"))
    days = days.mutate(has_risen=(days.on_hand_units - before + days.sold >= 1).fill_null(False))
    found = days.group_by(*KEY).agg(risen_on=days.business_date.max(where=days.has_risen))
    return found.filter(found.risen_on.notnull())


def with_judgement(table: ir.Table, found: ir.Table) -> ir.Table:
    """Positions with what `judged` says; a series without a silent day is not suspected."""
    joined = table.left_join(found, KEY, rname="{name}_judged")
    known = [name for name in table.columns if name not in ("last_receipt_date", "recovery")]
    return step(
        joined.select(
            *known,
            last_receipt_date=ibis.coalesce(joined.last_receipt_date_judged, joined.last_receipt_date),
            silent_days=joined.silent_days.fill_null(0),
            silent_expected=joined.silent_expected.fill_null(0.0),
            silence=joined.silence.fill_null(1.0),
            p_empty=ibis.coalesce(joined.p_empty, joined.hazard),
        )
    )


def silent_since(table: ir.Table, found: ir.Table) -> ir.Table:
    """Silent runs as complaints are counted in them: from when, and what the series sells.

    Grain:  table with `JUDGED`, found as `judged` -> (as_of, feed_id, series)
    """
    b = table.frozen_b + table.prior_b
    rate = (b > 0).ifelse((table.frozen_a + table.prior_a) / b, ibis.null("float64"))
    runs_ = found.inner_join(table.select(*KEY, demand_units_per_day=rate), KEY)
    start = runs_.as_of - (runs_.silent_days - 1).as_interval("D")
    return runs_.select(AS_OF, *SERIES, "demand_units_per_day", run_start_date=start.cast("date"))


def raised(found: ir.Table, told: ir.Table) -> ir.Table:
    """Probabilities raised by what customers said in the run.

    Grain:  found as `judged`, told as `signals.with_complaints` -> as found
    """
    joined = found.left_join(told.select(AS_OF, *SERIES, "complaint_log_odds"), [AS_OF, *SERIES], rname="{name}_told")
    ratio = joined.complaint_log_odds.fill_null(0.0).exp()
    heard = joined.p_empty * ratio
    others = [name for name in found.columns if name != "p_empty"]
    return step(joined.select(*others, p_empty=heard / (heard + 1 - joined.p_empty)))
