"""How TPC-H becomes the raw tables, as queries over tpchgen's Parquet files.

- Seven years of orders are folded into 120 days that end on AS_OF: one TPC-H day is 72 minutes. So the newest 30 days hold
  enough orders for each segment, and rolling windows of 90 days are full.
- TPC-H's days between order, shipping and commitment are read as hours, its days on the way as four hours each.
- A TPC-H dollar is four cents, so that lifetime values spread over all tiers.
- A supplier is a vehicle; what TPC-H does not know of it comes from a digest of its key, the same on every machine.
"""

from __future__ import annotations

AS_OF = "2026-06-30 00:00:00"
"""The moment of the newest orders' day; fixed, so that the data are always the same."""

TPCH_TABLES = ("customer", "orders", "lineitem", "supplier", "nation")

MACROS = f"""
create macro digest_number(kind, key, bound) as
    ('0x' || substr(md5(kind || key::varchar), 1, 12))::bigint % bound;
create macro ordered_at(day, key) as
    timestamp '{AS_OF}' - to_minutes(72 * (date '1998-08-02' - day)::integer) + to_seconds(key % 4320);
create macro id(letter, key) as letter || lpad(key::varchar, 9, '0');
"""

RAW_QUERIES = {
    "raw_customers": f"""
        select
            id('C', c_custkey) as customer_id,
            c_name as customer_name,
            'contact' || c_custkey || '@' || lower(c_mktsegment) || '.example' as contact_email,
            c_phone as contact_phone,
            c_mktsegment as market_segment,
            n_name as country,
            c_acctbal::decimal(18, 2) as account_balance_usd,
            timestamp '{AS_OF}' as sent_at
        from customer join nation on n_nationkey = c_nationkey
        order by c_custkey
    """,
    "raw_orders": f"""
        select
            'O' || o_orderkey as order_id,
            id('C', o_custkey) as customer_id,
            ordered_at(o_orderdate, o_orderkey) as ordered_at,
            o_orderpriority as order_priority,
            round(o_totalprice * 0.04, 2)::decimal(18, 2) as total_usd,
            timestamp '{AS_OF}' as sent_at
        from orders
        order by o_orderkey
    """,
    "raw_vehicles": f"""
        select
            id('V', s_suppkey) as vehicle_id,
            ['VAN', 'TRUCK', 'LORRY', 'TRAILER'][1 + digest_number('type', s_suppkey, 4)] as vehicle_type,
            upper(substr(md5('plate' || s_suppkey), 1, 7)) as license_plate,
            n_name as home_country,
            20000 + digest_number('mileage', s_suppkey, 180000) as current_mileage,
            20000 + digest_number('mileage', s_suppkey, 180000) - digest_number('since', s_suppkey, 12000) as last_maintenance_mileage,
            (timestamp '{AS_OF}')::date - (1 + digest_number('days', s_suppkey, 200))::integer as last_maintenance_date,
            5000 * (1 + digest_number('miles', s_suppkey, 3)) as maintenance_interval_miles,
            90 * (1 + digest_number('interval', s_suppkey, 4)) as maintenance_interval_days,
            (6 + digest_number('mpg', s_suppkey, 3000) / 100)::decimal(6, 2) as fuel_efficiency_mpg,
            timestamp '{AS_OF}' as sent_at
        from supplier join nation on n_nationkey = s_nationkey
        order by s_suppkey
    """,
    "raw_shipments": f"""
        select
            'S' || l_orderkey || '-' || l_linenumber as shipment_id,
            'O' || l_orderkey as order_id,
            id('C', o_custkey) as customer_id,
            id('V', l_suppkey) as vehicle_id,
            l_shipmode as ship_mode,
            ordered_at(o_orderdate, o_orderkey) + to_hours((l_shipdate - o_orderdate)::integer) as shipped_at,
            ordered_at(o_orderdate, o_orderkey) + to_hours(120 + (l_commitdate - o_orderdate)::integer) as promised_at,
            ordered_at(o_orderdate, o_orderkey) + to_hours((l_shipdate - o_orderdate)::integer)
                + to_hours(4 * (l_receiptdate - l_shipdate)::integer) as delivered_at,
            l_quantity::decimal(12, 2) as quantity,
            round(l_extendedprice * (1 - l_discount) * 0.04, 2)::decimal(18, 2) as revenue,
            timestamp '{AS_OF}' as sent_at
        from lineitem join orders on o_orderkey = l_orderkey
        order by l_orderkey, l_linenumber
    """,
}
"""The query of each raw table's file, columns in the order of its contract."""
