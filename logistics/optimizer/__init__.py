"""The optimizer: what the account's history says about statements, warehouses, tables and cost, and what to change."""
