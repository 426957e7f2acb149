"""Tasks, alerts, dynamic tables, warehouses and resource monitors over time."""
