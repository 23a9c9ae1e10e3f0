-- The keys alone, counted.
SELECT feed_id, partner, location_id, item_id, count(*) FROM {rows} GROUP BY ALL
