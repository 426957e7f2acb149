"""Every role sees of every table, view, stream and column what docs/who_sees_what.yaml says; a weakened policy is found."""

from __future__ import annotations

import pytest

DATABASE = "LOGISTICS"


@pytest.mark.slow
def test_everyone_sees_what_the_truth_table_says_and_any_weakening_is_found(truth_table):
    assert list(truth_table.differences()) == []
    admin = truth_table.ask_as["accountadmin"]
    missed = []
    for name, (weaken, mend) in weakenings(truth_table, admin).items():
        for statement in weaken:
            admin.execute(statement)
        try:
            if next(truth_table.differences(_concerned(name)), None) is None:
                missed.append(name)
        finally:
            for statement in mend:
                admin.execute(statement)
    assert missed == []
    assert list(truth_table.differences()) == []


def _concerned(name: str) -> str:
    """Return the object to ask about first, to save the time of asking about all others."""
    words = name.replace("grant", "").split()
    named = [word for word in words if word.count(".") in (1, 2) and word.islower()]
    found = ".".join(named[0].split(".")[:2]) if named else "marts.tbl_dim_customer"
    for word, of in (
        ("VEHICLE", "marts.tbl_dim_vehicle"),
        ("PLATE", "marts.tbl_dim_vehicle"),
        ("PII", "marts.tbl_fact_shipments"),
    ):
        found = of if word in name else found
    return "marts.tbl_fact_shipments" if "of the tag" in name else found


def weakenings(truth_table, admin) -> dict[str, tuple[list[str], list[str]]]:
    """Each way to weaken the protection by one step, and back."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for kind in ("masking", "row access"):
        for row in admin.execute(f"show {kind} policies in database {DATABASE}").fetchall():
            name = f"{DATABASE}.{row[3]}.{row[1]}"
            _, signature, _, body = admin.execute(f"describe {kind} policy {name}").fetchone()
            open_body = "true" if kind == "row access" else signature.strip("()").split(" ")[0]
            change = f"alter {kind} policy {name} set body -> "
            found[f"body of {row[1]}"] = ([change + open_body], [change + body])
    for table, about in truth_table.truth["objects"].items():
        profile = about["access"].split("_")
        if profile[0] in ("customers", "vehicles") and "view" not in profile:
            column = f"{profile[0][:-1]}_id"
            policy = f"{DATABASE}.governance.{profile[0][:-1]}_data_policy"
            found[f"rows of {table}"] = (
                [f"alter table {table} drop all row access policies"],
                [f"alter table {table} add row access policy {policy} on ({column})"],
            )
    for table, about in truth_table.truth["objects"].items():
        for column, mask in about["columns"].items():
            if mask != "clear" and about["access"] in ("customers", "vehicles"):
                change = f"alter table {table} modify column {column}"
                # The name's mask and a tag's differ in what an analyst sees, the others' in what they show of a value.
                found[f"mask of {table}.{column}"] = (
                    [f"{change} unset masking policy"],
                    [f"{change} set masking policy {DATABASE}.governance.{mask}_mask"],
                )
    tag = f"alter tag {DATABASE}.governance.pii"
    for mask in ("pii_mask", "pii_number_mask", "pii_date_mask", "pii_timestamp_mask"):
        policy = f"masking policy {DATABASE}.governance.{mask}"
        found[f"{mask} of the tag"] = ([f"{tag} unset {policy}"], [f"{tag} set {policy}"])
    for grant, revoke in (
        ("role LOGISTICS_RAW_WRITE to role DATA_ANALYST", None),
        ("select on table governance.user_customer_access to role SECURITY_OFFICER", None),
        ("insert, delete on table marts.tbl_dim_customer to role DATA_ANALYST", None),
        ("role LOGISTICS_MARTS_WRITE to role DATA_SCIENTIST", None),
        ("role LOGISTICS_MONITORING_READ to role DATA_ANALYST", None),
        ("role LOGISTICS_GOVERNANCE_READ to role FINANCE_OWNER", None),
        ("role DATA_ANALYST to role PUBLIC", None),
    ):
        back = revoke or grant.replace(" to role ", " from role ")
        found[f"grant {grant}"] = ([f"grant {grant}"], [f"revoke {back}"])
    return found
