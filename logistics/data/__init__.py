"""The data of a first run: TPC-H, mapped to customers, orders, shipments and vehicles, and loaded through a stage."""
