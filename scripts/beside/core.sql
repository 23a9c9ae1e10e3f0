-- The least that a check could ask of its rows: when each series was last seen, in stock and sold, on how many days it
-- was observed and in stock, and plain demand.
SELECT partner, location_id, item_id,
       max(business_date) AS last_seen,
       arg_max(on_hand_units, business_date) AS on_hand,
       max(business_date) FILTER (on_hand_units > 0) AS last_in_stock,
       max(business_date) FILTER (units_sold > 0) AS last_sale,
       count(on_hand_units) AS days_observed,
       count(*) FILTER (on_hand_units > 0) AS days_in_stock,
       sum(power(0.97, date_diff('day', business_date, DATE '{date}')) * units_sold) FILTER (on_hand_units > 0) AS a,
       sum(power(0.97, date_diff('day', business_date, DATE '{date}'))) FILTER (on_hand_units > 0) AS b
FROM (SELECT * REPLACE (business_date::DATE AS business_date) FROM {rows}) GROUP BY ALL
