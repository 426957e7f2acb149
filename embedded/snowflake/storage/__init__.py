"""Table rows with versions, DML, stages and loading."""
