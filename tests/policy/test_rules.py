"""Each rule lets pass what keeps to it and objects to what does not; every rule has both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rules import RULES
from rules.model import UNKNOWN, Resource
from rules.weakening import meaning

ROOT = Path(__file__).parents[2]
BY_NAME = {rule.name: rule for rule in RULES}
PUBLIC_KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"


def res(kind: str, name: str = "x", *, protect: bool = False, local: bool = False, needs=None, **props) -> Resource:
    made = f"snowflake:index/{kind[0].lower()}{kind[1:]}:{kind}" if kind != "provider" else "pulumi:providers:snowflake"
    needs = {key: frozenset(value) for key, value in (needs or {}).items()}
    return Resource(
        type=made, name=name, urn=f"urn:{kind}:{name}", props=props, protect=protect, is_local=local, needs=needs
    )


def wh(**props) -> Resource:
    return Resource(type="snowflake:index/warehouse:Warehouse", name="w", urn="urn:w", props={"name": "W", **props})


def table(*columns, name: str = "T", **props) -> Resource:
    """A table; a column is a name, or a name and its mask."""
    pairs = [(column, None) if isinstance(column, str) else column for column in columns]
    made = [{"name": column, "maskingPolicy": mask or ""} for column, mask in pairs]
    about = {"database": "D", "schema": "S", "columns": made, **props}
    return Resource(
        type="snowflake:index/table:Table",
        name=name.lower(),
        urn=f"urn:Table:{name.lower()}",
        props={"name": name, **about},
    )


def execute(statement=UNKNOWN, name: str = "e", needs=None) -> Resource:
    return res("Execute", name, needs=needs, execute=statement)


TAGGED = res("TagAssociation", objectType="COLUMN", tagId='"D"."G"."PII"', objectIdentifiers=['"D"."S"."T"."NOTE"'])
BOUND = execute('ALTER USER "ANNA" SET AUTHENTICATION POLICY "D"."G"."P"')
USER = Resource(type="snowflake:index/user:User", name="anna", props={"name": "ANNA", "networkPolicy": "N"})
BARE_USER = Resource(type="snowflake:index/user:User", name="anna", props={"name": "ANNA"})
SAME = [
    Resource(type="snowflake:index/warehouse:Warehouse", name="w", props={"name": n})
    for n in ("COMPUTE_WH_DEV", "wh dev")
]

# rule: (settings, what passes, what fails)
CASES = {
    "warehouse-auto-suspend": [
        ({}, [wh(autoSuspend=60.0)], [wh(autoSuspend=600)]),
        ({"maxSeconds": 300.0}, [wh(autoSuspend="300")], [wh(autoSuspend=0)]),
        ({}, [wh(autoSuspend=UNKNOWN)], [wh()]),
        ({}, [wh(autoSuspend=1, autoResume="default")], [wh(autoSuspend=1, autoResume="false")]),
    ],
    "warehouse-size": [
        ({"maxSize": "MEDIUM"}, [wh(warehouseSize="MEDIUM")], [wh(warehouseSize="LARGE")]),
        ({"maxSize": "2X-LARGE"}, [wh(warehouseSize="XXLARGE")], [wh(warehouseSize="X3LARGE")]),
        ({"maxSizeByName": {"w*": "4XLARGE"}}, [wh(warehouseSize="X4LARGE")], [wh(warehouseSize="5X-LARGE")]),
        ({}, [wh()], [wh(warehouseSize="small")]),
    ],
    "warehouse-clusters": [
        ({}, [wh(maxClusterCount=1)], [wh(maxClusterCount=2)]),
        ({"maxClustersByName": {"W": 10.0}}, [wh(maxClusterCount=10)], [wh(maxClusterCount=11)]),
    ],
    "warehouse-monitored": [({}, [wh(resourceMonitor=UNKNOWN)], [wh(resourceMonitor="")])],
    "monitor-stops": [
        (
            {},
            [res("ResourceMonitor", creditQuota=100, suspendTrigger=90)],
            [res("ResourceMonitor", creditQuota=100, notifyTriggers=[80])],
        ),
        (
            {},
            [res("ResourceMonitor", creditQuota=1, suspendImmediateTrigger=100)],
            [res("ResourceMonitor", creditQuota=101, suspendTrigger=90)],
        ),
        (
            {},
            [],
            [res("ResourceMonitor", suspendTrigger=90), res("ResourceMonitor", creditQuota=9, suspendTrigger=120)],
        ),
    ],
    "task-timeout": [
        ({}, [res("Task", userTaskTimeoutMs=3_600_000.0)], [res("Task", userTaskTimeoutMs=3_600_001)]),
        ({}, [], [res("Task", userTaskTimeoutMs=UNKNOWN)]),
        ({}, [], [res("Task")]),
    ],
    "task-error-integration": [
        ({}, [res("Task", errorIntegration="QUEUE")], [res("Task")]),
        ({}, [res("Task", local=True)], [res("Task", errorIntegration="")]),
    ],
    "large-table-clustered": [
        ({}, [table(name="TBL_FACT_A", clusterBies=["DAY"])], [table(name="TBL_FACT_A")]),
        ({"largeTables": []}, [table(name="TBL_FACT_A")], []),
    ],
    "pii-masked": [
        ({}, [table(("NOTE", "m")), TAGGED], [table("NOTE"), TAGGED]),
        ({}, [table(("CONTACT_EMAIL", UNKNOWN))], [table("CONTACT_EMAIL")]),
        ({}, [table("EMAILED_AT")], [table("Driver_Name")]),
        ({"clearColumns": ["D.S.T.PHONE*"]}, [table("PHONE_KIND")], [table("BIRTH_DATE")]),
    ],
    "rows-protected": [
        (
            {},
            [
                table("CUSTOMER_ID"),
                execute('ALTER TABLE "D"."S"."T" ADD ROW ACCESS POLICY "D"."G"."P" ON ("CUSTOMER_ID")'),
            ],
            [
                table("CUSTOMER_ID"),
                execute('ALTER TABLE "D"."S"."OTHER" ADD ROW ACCESS POLICY "D"."G"."P" ON ("CUSTOMER_ID")'),
            ],
        ),
        (
            {},
            [table("VEHICLE_ID"), execute(needs={"execute": ["Table:t", "RowAccessPolicy:p"]})],
            [table("VEHICLE_ID"), execute(needs={"execute": ["Table:t", "MaskingPolicy:p"]})],
        ),
        ({"exempt": {"D.S.T": "the list itself"}}, [table("CUSTOMER_ID")], [table("customer_id", name="T2")]),
    ],
    "retention": [
        ({}, [table(dataRetentionTimeInDays=1)], [table(dataRetentionTimeInDays=0)]),
        ({"minDaysByName": {"*.S.T": 30}}, [table(dataRetentionTimeInDays=30)], [table(dataRetentionTimeInDays=29)]),
        ({}, [table(dataRetentionTimeInDays=UNKNOWN)], [table(dataRetentionTimeInDays=-1)]),
    ],
    "stateful-protected": [
        ({}, [res("Database", protect=True)], [res("Schema")]),
        (
            {"exempt": ["D.S.F*"]},
            [res("StageInternal", database="D", schema="S", name="x") if 0 else res("View")],
            [table()],
        ),
    ],
    "no-grant-to-public": [
        (
            {},
            [res("GrantAccountRole", roleName="A", parentRoleName="B")],
            [res("GrantAccountRole", roleName="A", parentRoleName="public")],
        ),
        (
            {},
            [execute("GRANT SELECT ON TABLE T TO ROLE PUBLICIST")],
            [execute("grant select on table T to role PUBLIC")],
        ),
        (
            {},
            [execute("GRANT ROLE A TO USER PUBLIC_U")],
            [res("GrantPrivilegesToAccountRole", accountRoleName='"PUBLIC"')],
        ),
    ],
    "no-accountadmin": [
        (
            {},
            [res("GrantAccountRole", roleName="A", parentRoleName="SYSADMIN")],
            [res("GrantAccountRole", roleName="A", parentRoleName="ACCOUNTADMIN")],
        ),
        ({}, [res("provider", role="DEPLOYER")], [res("provider", role="accountadmin")]),
        ({}, [res("provider", role="ACCOUNTADMIN", local=True)], [execute("USE ROLE ACCOUNTADMIN")]),
        ({"deployer": "allowed"}, [res("provider", role="ACCOUNTADMIN")], [res("User", defaultRole="ACCOUNTADMIN")]),
    ],
    "network-policy": [
        ({}, [USER, res("NetworkPolicy", allowedIpLists=["10.0.0.0/8"])], [BARE_USER]),
        ({"required": False}, [BARE_USER], []),
        (
            {},
            [res("NetworkPolicy", allowedIpLists=UNKNOWN)],
            [res("NetworkPolicy", allowedIpLists=["0.0.0.0/1", "128.0.0.0/1"])],
        ),
    ],
    "authentication-policy": [
        ({}, [USER, BOUND, res("AuthenticationPolicy", authenticationMethods=["KEYPAIR"])], [USER]),
        (
            {},
            [USER, execute(needs={"execute": ["User:anna", "AuthenticationPolicy:p"]})],
            [USER, execute(needs={"execute": ["User:anna", "PasswordPolicy:p"]})],
        ),
        ({}, [], [res("AuthenticationPolicy", authenticationMethods=["KEYPAIR", "PASSWORD"])]),
    ],
    "managed-schemas": [({}, [res("Schema", withManagedAccess="true")], [res("Schema", withManagedAccess="default")])],
    "naming": [
        ({}, SAME[:1], SAME[1:]),
        ({"patterns": {"Table": "TBL_.*"}}, [table(name="TBL_A")], [table(name="A")]),
    ],
    "no-plain-secret": [
        ({}, [execute("ALTER USER A SET PASSWORD POLICY P")], [execute("ALTER USER A SET PASSWORD = 'hunter22'")]),
        (
            {},
            [res("User", password="hunter22", rsaPublicKey=PUBLIC_KEY)],
            [res("View", statement="select 'https://me:pw12@host/x'")],
        ),
        ({}, [], [res("Task", comment="-----BEGIN RSA PRIVATE KEY-----")]),
        ({}, [], [res("Stage", credentials={"a": ["AWS_SECRET_KEY = 'abc'"]})]),
    ],
}


def broken(rule, resources, config) -> list[str]:
    return [each.message for each in rule.broken_by(list(resources), config)]


@pytest.mark.parametrize(
    ("name", "config", "passing", "failing"),
    [
        pytest.param(name, *case, id=f"{name}-{number}")
        for name, cases in CASES.items()
        for number, case in enumerate(cases)
    ],
)
def test_a_rule_lets_pass_what_keeps_to_it_and_objects_to_the_rest(name, config, passing, failing):
    assert broken(BY_NAME[name], passing, config) == []
    if BY_NAME[name].check is not None:
        assert all(broken(BY_NAME[name], [each], config) for each in failing)
    elif failing:
        assert broken(BY_NAME[name], failing, config)


POLICY = {
    "type": "snowflake:index/maskingPolicy:MaskingPolicy",
    "name": "email_mask",
    "inputs": {"body": "case when current_role() = 'A' then e else '***' end"},
}


def old(kind: str, name: str, **inputs) -> dict:
    return {"type": f"snowflake:index:{kind}", "name": name, "inputs": inputs}


def mask(body, kind: str = "MaskingPolicy") -> Resource:
    return res(kind, "email_mask", body=body)


PROTECT = 'ALTER TABLE "D"."S"."T" ADD ROW ACCESS POLICY "D"."G"."P" ON ("CUSTOMER_ID")'
WEAKENINGS = {
    "same": (POLICY, [mask("CASE when  current_role() = 'A' then e -- engineer\n else '***' END")], None),
    "loosened": (POLICY, [mask("e")], "email_mask"),
    "a literal's case": (POLICY, [mask("case when current_role() = 'a' then e else '***' end")], "email_mask"),
    "not known": (POLICY, [mask(UNKNOWN)], "email_mask"),
    "the state's form": (
        old("RowAccessPolicy", "p", body="true", arguments=[{"__defaults": [], "name": "C", "type": "VARCHAR"}]),
        [res("RowAccessPolicy", "p", body="TRUE", arguments=[{"type": "VARCHAR", "name": "C"}])],
        None,
    ),
    "other arguments": (
        old("RowAccessPolicy", "p", body="true", arguments=[{"name": "C", "type": "VARCHAR"}]),
        [res("RowAccessPolicy", "p", body="true", arguments=[{"name": "D", "type": "VARCHAR"}])],
        "p",
    ),
    "closed": (POLICY, [mask("NULL")], None),
    "gone": (POLICY, [], "email_mask"),
    "mask off": (old("Table", "t", columns=[{"name": "E", "maskingPolicy": "M"}]), [table("E")], "t.e"),
    "other mask": (old("Table", "t", columns=[{"name": "E", "maskingPolicy": "M"}]), [table(("E", "N"))], "t.e"),
    "column gone": (old("Table", "t", columns=[{"name": "E", "maskingPolicy": "M"}]), [table("F")], None),
    "same mask quoted": (old("Table", "t", columns=[{"name": "E", "maskingPolicy": '"M"'}]), [table(("E", "m"))], None),
    "detached": (old("Execute", "e", execute=PROTECT), [table("CUSTOMER_ID")], "e"),
    "detached with its table": (old("Execute", "e", execute=PROTECT), [], None),
    "attached elsewhere": (old("Execute", "e", execute=PROTECT), [execute(PROTECT.replace('"T"', '"U"'))], "e"),
    "other statement gone": (old("Execute", "e", execute="INSERT INTO T VALUES (1)"), [], None),
    "tag's masks": (old("Tag", "x", maskingPolicies=["A", "B"]), [res("Tag", maskingPolicies=["A"])], "x"),
    "tag off": (
        old("TagAssociation", "x", objectIdentifiers=["A", "B"]),
        [res("TagAssociation", objectIdentifiers=['"A"'])],
        "x",
    ),
    "wider network": (
        old("NetworkPolicy", "x", allowedIpLists=["10.0.0.0/8"]),
        [res("NetworkPolicy", allowedIpLists=["10.1.0.0/16", "11.0.0.1"])],
        "x",
    ),
    "narrower network": (
        old("NetworkPolicy", "x", allowedIpLists=["10.0.0.0/8"]),
        [res("NetworkPolicy", allowedIpLists=["10.1.0.0/16"])],
        None,
    ),
    "method more": (
        old("AuthenticationPolicy", "x", authenticationMethods=["KEYPAIR"]),
        [res("AuthenticationPolicy", authenticationMethods=["KEYPAIR", "OAUTH"])],
        "x",
    ),
    "shorter password": (old("PasswordPolicy", "x", minLength=14), [res("PasswordPolicy", minLength=8)], "x"),
    "longer password": (old("PasswordPolicy", "x", minLength=14), [res("PasswordPolicy", minLength=20)], None),
    "schema": (old("Schema", "x", withManagedAccess="true"), [res("Schema", withManagedAccess="default")], "x"),
    "user's network": (old("User", "anna", networkPolicy="N"), [BARE_USER], "anna"),
}


@pytest.mark.parametrize(("before", "after", "name"), WEAKENINGS.values(), ids=WEAKENINGS)
def test_a_weakening_is_a_violation_unless_approved_by_its_name(before, after, name, tmp_path):
    state = tmp_path / "before.json"
    state.write_text(json.dumps({"resources": [before]}))
    rule, config = BY_NAME["protection-not-weakened"], {"before": str(state), "approved": []}
    found = broken(rule, after, config)
    assert (f"approve it by its name: {name}" in found[0]) if name else found == []
    if name:
        assert broken(rule, after, {**config, "approved": [name.upper()]}) == []
        assert broken(BY_NAME["approvals-are-current"], after, {**config, "approved": [name]}) == []
    assert broken(BY_NAME["approvals-are-current"], after, {**config, "approved": ["stale"]})


def test_a_state_that_was_not_given_is_told():
    assert "not compared" in broken(BY_NAME["approvals-are-current"], [], {})[0]


def test_every_rule_is_tested_and_says_what_why_and_how_to_mend():
    assert {*CASES, "protection-not-weakened", "approvals-are-current"} == set(BY_NAME)
    assert all(rule.what and rule.why and rule.mend for rule in RULES)
    for file in (ROOT / "policy" / "environments").glob("*.json"):
        given = json.loads(file.read_text())
        assert set(given) <= set(BY_NAME)
        for name, config in given.items():
            assert isinstance(config, str) or set(config) <= {*BY_NAME[name].schema, "enforcementLevel"}, name


def test_meaning_keeps_literals_and_forgets_the_rest():
    assert meaning("SELECT  'A--b' -- c\n , X") == meaning("select 'A--b' /* d */ , x")
    assert meaning("x = 'A'") != meaning("x = 'a'")
