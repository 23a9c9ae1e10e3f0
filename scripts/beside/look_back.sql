-- What a check reckons from the rows of every series, as one would write it for a database: position, demand with
-- weekdays and promotions, silent runs, replenishment, spells. Grain: (series, day) -> (series).
-- Factors are learned from one location in so many, as in a check.
WITH days AS (
  SELECT partner, location_id, item_id, category, price,
         date_diff('day', CAST(business_date AS DATE), DATE '{date}') AS age,
         on_hand_units AS stock, greatest(units_sold, 0) AS sold, units_sold IS NOT NULL AS tells_sales,
         coalesce(units_sold, 0) - coalesce(returned_units, 0) AS net_sold, received_units AS received,
         coalesce(on_order_units, 0) AS on_order,
         CASE WHEN in_transit_units IS NULL THEN on_order_units ELSE on_order_units + in_transit_units END AS inbound
  FROM {rows}
), placed AS (
  SELECT *, median(price) OVER series AS usual_price,
         min(CASE WHEN sold > 0 THEN age END) OVER series AS last_sale,
         min(CASE WHEN stock > 0 THEN age END) OVER series AS last_in_stock,
         min(CASE WHEN received > 0 THEN age END) OVER series AS last_receipt,
         last_value(stock IGNORE NULLS) OVER (
           PARTITION BY partner, location_id, item_id ORDER BY age DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
         ) AS stock_before
  FROM days WINDOW series AS (PARTITION BY partner, location_id, item_id)
), marked AS (
  SELECT *, coalesce(price <= 0.95 * usual_price, FALSE) AS is_promoted, stock - stock_before + net_sold AS risen,
         CASE WHEN tells_sales AND stock > 0 THEN 1.0
              WHEN tells_sales AND sold > 0 AND stock <= 0
                AND (coalesce(stock_before > 0, TRUE) OR coalesce(received > 0, stock - stock_before + net_sold >= 1))
                THEN 0.5
              ELSE 0.0 END AS on_sale
  FROM placed
), history AS (
  SELECT *, avg(CASE WHEN NOT is_promoted THEN sold END) OVER (PARTITION BY partner, location_id, item_id) AS base_rate
  FROM marked
  WHERE on_sale = 1 AND age >= last_sale AND CAST(location_id AS INTEGER) % {every} = 0
), of_weekday AS (
  SELECT category, age % 7 AS rest, sum(sold) AS units, sum(base_rate) AS expected
  FROM history WHERE NOT is_promoted GROUP BY category, age % 7
), of_all AS (
  SELECT rest, (sum(units) + 100) / (sum(expected) + 100) AS drawn FROM of_weekday GROUP BY rest
), of_category AS (
  SELECT category, rest, (units + 100 * drawn) / (expected + 100) AS factor FROM of_weekday JOIN of_all USING (rest)
), weekday AS (
  SELECT category, rest, factor / avg(factor) OVER (PARTITION BY category) AS factor FROM of_category
), promoted AS (
  SELECT category, sum(sold) AS units, sum(base_rate * factor) AS expected
  FROM (SELECT category, age % 7 AS rest, sold, base_rate FROM history WHERE is_promoted) AS days
  JOIN weekday USING (category, rest) GROUP BY category
), promotion AS (
  SELECT category, (units + 20 * drawn) / (expected + 20) AS lift
  FROM promoted CROSS JOIN (SELECT (sum(units) + 20) / (sum(expected) + 20) AS drawn FROM promoted) AS of_all
), weighed AS (
  SELECT marked.*, weekday.factor * CASE WHEN is_promoted THEN coalesce(lift, 1) ELSE 1 END AS factor,
         min(CASE WHEN risen >= 1 AND age < 27 AND (last_sale IS NULL OR age < last_sale) THEN age END) OVER series
           AS last_risen,
         greatest(0.25 * max(risen) OVER series, 1) AS least_receipt,
         min(CASE WHEN inbound <= 0 THEN age END) OVER series AS last_idle
  FROM marked JOIN weekday ON weekday.category = marked.category AND rest = age % 7
  LEFT JOIN promotion ON promotion.category = marked.category
  WINDOW series AS (PARTITION BY marked.partner, marked.location_id, marked.item_id)
), told AS (
  SELECT *, CASE WHEN risen >= least_receipt THEN risen END AS came,
         stock - risen AS left_over,
         age < coalesce(least(last_sale, last_receipt), age + 1) AS is_silent,
         age < coalesce(least(last_sale, last_risen), age + 1) AS is_silent_anew,
         coalesce(last_sale, 0) AS since, on_sale > 0 AND age >= coalesce(last_sale, 0) AS is_old,
         on_sale > 0 AND age >= coalesce(last_sale, 0) AND NOT coalesce(stock <= 0 AND age = last_sale, FALSE) AS is_rest,
         power(0.97, age - coalesce(last_sale, 0)) AS weight
  FROM weighed
), parted AS (
  SELECT *, sum(CASE WHEN came > 0 OR sold > 0 OR stock <= 0 THEN 1 ELSE 0 END)
              OVER (PARTITION BY partner, location_id, item_id ORDER BY age DESC) AS run
  FROM told
), counted AS (
  SELECT *, sum(CASE WHEN stock > 0 AND sold <= 0 AND came IS NULL AND age > last_sale THEN on_sale * factor ELSE 0 END)
              OVER (PARTITION BY partner, location_id, item_id, run) AS silence,
         CASE WHEN sum(CASE WHEN is_rest THEN sold END) OVER (PARTITION BY partner, location_id, item_id) > 0
                 THEN is_rest ELSE is_old END AS is_counted
  FROM parted
)
SELECT partner, location_id, item_id, min(CASE WHEN stock IS NOT NULL THEN age END) AS last_seen,
       min(last_sale) AS last_sale, min(last_in_stock) AS last_in_stock, count(stock) AS days_observed,
       min_by(CASE WHEN stock IS NOT NULL THEN stock END, age) AS on_hand_units, min_by(price, age) AS price,
       sum(CASE WHEN is_counted THEN weight * sold ELSE 0 END) AS frozen_a,
       sum(CASE WHEN is_counted THEN weight * on_sale * factor ELSE 0 END) AS frozen_b,
       sum(CASE WHEN on_sale > 0 AND age < since THEN 1 ELSE 0 END) AS unsold_days,
       sum(CASE WHEN on_sale > 0 AND age < since THEN factor ELSE 0 END) AS unsold_expected,
       sum(CASE WHEN on_sale > 0 AND is_silent THEN 1 ELSE 0 END) AS silent_days,
       sum(CASE WHEN on_sale > 0 AND is_silent THEN factor ELSE 0 END) AS silent_expected,
       max(silence) AS longest_silence, min(last_risen) AS risen,
       sum(CASE WHEN on_sale > 0 AND is_silent_anew THEN 1 ELSE 0 END) AS days_since_risen,
       sum(CASE WHEN on_sale > 0 AND is_silent_anew THEN factor ELSE 0 END) AS expected_since_risen,
       count(came) AS receipts, max(CASE WHEN came > 0 THEN age END) AS first_receipt,
       min(CASE WHEN came > 0 THEN age END) AS last_inferred_receipt, sum(coalesce(came, 0)) AS received_units,
       avg(CASE WHEN came > 0 THEN left_over END) AS units_before_receipt,
       stddev_pop(CASE WHEN came > 0 THEN left_over END) AS spread_before_receipt,
       sum(CASE WHEN came > 0 AND left_over + sold <= 0 THEN 1 ELSE 0 END) AS late_receipts,
       sum(CASE WHEN age = 0 THEN inbound END) AS inbound_units,
       CASE WHEN sum(CASE WHEN age = 0 THEN inbound END) > 0
            THEN coalesce(min(last_idle) - 1, max(CASE WHEN inbound > 0 THEN age END)) END AS on_order_since,
       min(CASE WHEN on_order > 0 THEN age END) AS last_waiting, sum(inbound) AS inbound_unit_days,
       max(CASE WHEN stock <= 0 AND coalesce(age < last_in_stock, TRUE) THEN age END) AS spell_start,
       sum(CASE WHEN stock <= 0 AND coalesce(age < last_in_stock, TRUE)
           THEN factor * CASE WHEN sold <= 0 THEN 1 WHEN on_sale > 0 THEN 0.5 ELSE 0 END ELSE 0 END) AS exposure_days,
       sum(CASE WHEN stock <= 0 AND age > last_in_stock
           THEN factor * CASE WHEN sold <= 0 THEN 1 WHEN on_sale > 0 THEN 0.5 ELSE 0 END * power(2, -age / 90.0) ELSE 0 END)
         AS earlier_exposure_days
FROM counted GROUP BY partner, location_id, item_id
