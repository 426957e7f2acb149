"""The privileges that can be granted on the account."""

from __future__ import annotations

from embedded.snowflake.security.bootstrap import SYSTEM_ROLES

ACCOUNT_PRIVILEGES: tuple[str, ...] = tuple(
    sorted(
        {
            *SYSTEM_ROLES["ACCOUNTADMIN"][1],
            "APPLY AGGREGATION POLICY",
            "APPLY JOIN POLICY",
            "APPLY PACKAGES POLICY",
            "APPLY PROJECTION POLICY",
            "AUDIT",
            "BIND SERVICE ENDPOINT",
            "CANCEL QUERY",
            "CREATE ACCOUNT",
            "CREATE API INTEGRATION",
            "CREATE APPLICATION",
            "CREATE APPLICATION PACKAGE",
            "CREATE COMPUTE POOL",
            "CREATE CREDENTIAL",
            "CREATE DATA EXCHANGE LISTING",
            "CREATE EXTERNAL VOLUME",
            "CREATE FAILOVER GROUP",
            "CREATE LISTING",
            "CREATE ORGANIZATION LISTING",
            "CREATE REPLICATION GROUP",
            "EXECUTE AUTO CLASSIFICATION",
            "EXECUTE DATA METRIC FUNCTION",
            "EXECUTE MANAGED ALERT",
            "IMPORT ORGANIZATION LISTING",
            "IMPORT ORGANIZATION USER GROUPS",
            "MANAGE ACCOUNT SUPPORT CASES",
            "MANAGE EVENT SHARING",
            "MANAGE LISTING AUTO FULFILLMENT",
            "MANAGE ORGANIZATION SUPPORT CASES",
            "MANAGE USER SUPPORT CASES",
            "MODIFY SESSION LOG LEVEL",
            "MODIFY SESSION METRIC LEVEL",
            "MODIFY SESSION TRACE LEVEL",
            "MONITOR",
            "PURCHASE DATA EXCHANGE LISTING",
            "READ SESSION",
            "READ UNREDACTED AI OBSERVABILITY EVENTS TABLE",
        }
    )
)
