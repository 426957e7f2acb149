from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics.errors import SettingsError, UsageError
from logistics.settings import load_stack, settings_from, stacks
from logistics.settings.reference import reference
from logistics.settings.values import WAREHOUSE_SIZES

GOOD = {
    "snowflake:organizationName": "LOCAL",
    "snowflake:accountName": "DEV",
    "snowflake:user": "ADMIN",
    "snowflake:role": "ACCOUNTADMIN",
    "snowflake:previewFeaturesEnabled": [
        "snowflake_table_resource",
        "snowflake_table_constraint_resource",
        "snowflake_stage_internal_resource",
        "snowflake_tables_datasource",
        "snowflake_authentication_policy_resource",
        "snowflake_password_policy_resource",
        "snowflake_alert_resource",
    ],
    "logistics:environment": "dev",
    "logistics:warehouseSize": "X-SMALL",
}


def test_the_three_stacks_are_good(root):
    assert stacks(root) == ["dev", "prod", "staging"]
    sizes = {stack: load_stack(root, stack).platform.warehouse_size for stack in stacks(root)}
    assert sizes == {"dev": "X-SMALL", "staging": "SMALL", "prod": "MEDIUM"}


BAD = {
    "unknown key": (
        {"logistics:warehousSize": "SMALL"},
        "logistics:warehousSize is an unknown key (did you mean warehouseSize?)",
    ),
    "unknown provider key": (
        {"snowflake:accountNames": "X"},
        "snowflake:accountNames is an unknown key (did you mean accountName?)",
    ),
    "unknown namespace": ({"snowflak:user": "X"}, "snowflak:user is no key of this project"),
    "size": ({"logistics:warehouseSize": "HUGE"}, "logistics:warehouseSize is 'HUGE': allowed: X-SMALL, SMALL, MEDIUM"),
    "environment": ({"logistics:environment": "test"}, "logistics:environment is 'test': allowed: dev, staging, prod"),
    "cron fields": (
        {"logistics:segmentsCron": "*/5 * * * UTC"},
        "logistics:segmentsCron is '*/5 * * * UTC': allowed: five cron fields",
    ),
    "cron minute": (
        {"logistics:segmentsCron": "61 * * * * UTC"},
        "logistics:segmentsCron is '61 * * * * UTC': allowed: five cron",
    ),
    "cron zone": (
        {"logistics:segmentsCron": "0 * * * * Mars/One"},
        "logistics:segmentsCron is '0 * * * * Mars/One': allowed: five",
    ),
    "price": ({"logistics:creditPriceUsd": "free"}, "logistics:creditPriceUsd is 'free': allowed: 0.01 to 100"),
    "infinite price": (
        {"logistics:creditPriceUsd": float("inf")},
        "logistics:creditPriceUsd is Infinity: allowed: 0.01 to 100",
    ),
    "suspend": ({"logistics:autoSuspendSeconds": 5}, "logistics:autoSuspendSeconds is 5: allowed: 30 to 86400"),
    "suffix": ({"logistics:nameSuffix": "a b"}, "logistics:nameSuffix is 'a b': allowed: letters, digits and _"),
    "boolean": ({"logistics:protectStateful": "maybe"}, "logistics:protectStateful is 'maybe': allowed: true, false"),
    "user key": (
        {"logistics:users": [{"name": "A", "role": "R", "rols": 1}]},
        "logistics:users[0].rols is an unknown key (did you",
    ),
    "user name": (
        {"logistics:users": [{"name": "a-b", "role": "R"}]},
        "logistics:users[0].name is 'a-b': allowed: an unquoted",
    ),
    "user role": (
        {"logistics:users": [{"name": "A"}]},
        "logistics:users[0].role is missing: allowed: a role of sql/access.yaml",
    ),
    "user twice": (
        {"logistics:users": [{"name": "A", "role": "R"}, {"name": "a", "role": "R"}]},
        "logistics:users: A named twice",
    ),
    "users no list": ({"logistics:users": "anna"}, "logistics:users is 'anna': allowed: a list"),
    "preview features": ({"snowflake:previewFeaturesEnabled": []}, "it must name snowflake_table_resource"),
    "null": ({"logistics:warehouseSize": None}, "logistics:warehouseSize is None: allowed: X-SMALL"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_named_with_file_key_value_and_allowed(changes, message):
    with pytest.raises(SettingsError) as caught:
        settings_from(GOOD | changes, "dev")
    assert str(caught.value).startswith(f"Pulumi.dev.yaml: {message}") or message in str(caught.value)
    assert "Pulumi.dev.yaml: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", list(GOOD))
def test_each_required_key_is_missed(key):
    with pytest.raises(SettingsError, match=rf"Pulumi\.dev\.yaml: {key} is missing: allowed: "):
        settings_from({k: v for k, v in GOOD.items() if k != key}, "dev")


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(SettingsError) as caught:
        settings_from(GOOD | {"logistics:warehouseSize": "HUGE", "logistics:environment": "test"}, "dev")
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("key", ["snowflake:password", "snowflake:privateKey"])
def test_secrets_are_never_shown(key):
    with pytest.raises(SettingsError) as caught:
        settings_from(GOOD | {key: "hunter2", "logistics:environment": "test", "snowflake:user": ""}, "dev")
    assert "hunter2" not in str(caught.value)


def test_a_secret_setting_that_is_wrong_is_not_shown():
    with pytest.raises(SettingsError, match=r"logistics:warehouseSize is \[secret\]"):
        settings_from(GOOD | {"logistics:warehouseSize": "hunter2"}, "dev", frozenset({"logistics:warehouseSize"}))


def test_what_pulumi_hands_over_as_text_means_the_same():
    typed = GOOD | {
        "logistics:users": [{"name": "A", "role": "R", "customers": ["C1"]}],
        "logistics:autoSuspendSeconds": 90,
    }
    texts = {
        **{key: value for key, value in GOOD.items() if isinstance(value, str)},
        "snowflake:previewFeaturesEnabled": str(GOOD["snowflake:previewFeaturesEnabled"]).replace("'", '"'),
        "logistics:users": '[{"name":"A","role":"R","customers":["C1"]}]',
        "logistics:autoSuspendSeconds": "90",
    }
    assert settings_from(texts, "dev") == settings_from(typed, "dev")


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("xsmall", "X-SMALL"),
        ("X-Small", "X-SMALL"),
        ("XXLARGE", "2X-LARGE"),
        ("X2LARGE", "2X-LARGE"),
        ("2X-LARGE", "2X-LARGE"),
    ],
)
def test_sizes_may_be_written_as_snowflake_takes_them(written, size):
    assert settings_from(GOOD | {"logistics:warehouseSize": written}, "dev").platform.warehouse_size == size


@given(st.text(max_size=12).filter(lambda text: text.upper().replace("-", "") not in _SPELLINGS))
def test_nothing_else_is_a_size(text):
    with pytest.raises(SettingsError):
        settings_from(GOOD | {"logistics:warehouseSize": text}, "dev")


_SPELLINGS = (
    {size.replace("-", "") for size in WAREHOUSE_SIZES} | {"XXLARGE", "XXXLARGE"} | {f"X{n}LARGE" for n in range(2, 7)}
)


@pytest.mark.parametrize(("written", "price"), [(3.00, "3.00"), ("2.5", "2.50"), (2, "2.00"), ("2.875", "2.875")])
def test_prices_keep_their_cents(written, price):
    assert str(settings_from(GOOD | {"logistics:creditPriceUsd": written}, "dev").platform.credit_price_usd) == price
    assert Decimal(price)


@pytest.mark.parametrize(
    "cron", ["*/5 * * * * UTC", "0 9 L * * Europe/Berlin", "0 9 * * 5#2 America/New_York", "0 9-17 * * MON-FRI UTC"]
)
def test_snowflakes_cron_expressions_are_taken(cron):
    assert settings_from(GOOD | {"logistics:segmentsCron": cron}, "dev").platform.segments_cron == cron


def test_the_suffix_is_put_behind_names():
    platform = settings_from(GOOD | {"logistics:nameSuffix": "_pr7"}, "dev").platform
    assert (platform.database, platform.warehouse) == ("LOGISTICS_PR7", "COMPUTE_WH_DEV_PR7")


@pytest.mark.parametrize(("organization", "local"), [("LOCAL", True), ("local", True), ("ACME", False)])
def test_the_organization_says_whether_it_is_local(organization, local):
    assert settings_from(GOOD | {"snowflake:organizationName": organization}, "dev").account.is_local is local


def test_an_unknown_stack_is_told(root):
    with pytest.raises(UsageError, match=r"there is no stack 'qa'.*stacks are dev, prod, staging"):
        load_stack(root, "qa")


def test_a_stack_file_without_settings_is_told(project):
    (project / "Pulumi.dev.yaml").write_text("encryptionsalt: x\n")
    with pytest.raises(SettingsError, match=r"Pulumi\.dev\.yaml: config is missing"):
        load_stack(project, "dev")


def test_readme_documents_every_setting(root):
    assert reference() in (root / "README.md").read_text(encoding="utf-8")
