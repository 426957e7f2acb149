"""The role that sql/account makes, with a key pair and no password, deploys the whole platform and sees no customer."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from local_server import PROJECT, LocalServer, copy_project, local_server, pulumi_project

UP = ("up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive")
OWNED = "select name from snowflake.account_usage.grants_to_roles where privilege = 'OWNERSHIP' and deleted_on is null"


def create_deployer(server: LocalServer) -> str:
    """Run the scripts as ACCOUNTADMIN and give the user a key; returns the private one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    with server.connect() as connection:
        for script in ("deployer", "cost_monitor"):
            connection.execute_string((PROJECT / f"sql/account/{script}.sql").read_text())
        connection.cursor().execute(f"alter user logistics_ci set rsa_public_key = '{public}'")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def named(folder: Path) -> Path:
    """Name the user and the role in the stack file, and who bounds the spend."""
    file = folder / "Pulumi.dev.yaml"
    text = file.read_text().replace("snowflake:user: ADMIN", "snowflake:user: LOGISTICS_CI")
    text = text.replace("snowflake:role: ACCOUNTADMIN", "snowflake:role: LOGISTICS_DEPLOYER")
    file.write_text(f"{text.rstrip()}\n  logistics:costMonitor: account\n")
    return folder


@pytest.mark.slow
def test_the_deployers_role_is_enough_and_sees_nothing(tmp_path):
    with local_server(tmp_path / "data") as server:
        key = create_deployer(server)
        project = pulumi_project(named(copy_project(tmp_path / "project")), tmp_path, server)
        login = {"SNOWFLAKE_PASSWORD": "", "SNOWFLAKE_PRIVATE_KEY": key, "SNOWFLAKE_AUTHENTICATOR": "SNOWFLAKE_JWT"}
        project.pulumi("stack", "init", "dev", "--non-interactive", environment=login)
        project.pulumi(*UP, environment=login)
        project.pulumi("preview", "--stack", "dev", "--refresh", "--expect-no-changes", environment=login)

        with server.connect(role="ACCOUNTADMIN", database="LOGISTICS", warehouse="COMPUTE_WH_DEV") as connection:
            cursor = connection.cursor()
            owned = {row[0] for row in cursor.execute(f"{OWNED} and grantee_name = 'ACCOUNTADMIN'").fetchall()}
            assert "LOGISTICS" not in owned and "COMPUTE_WH_DEV" not in owned, "who deploys owns it"
            cursor.execute("use role DATA_ENGINEER")
            cursor.execute(
                "insert into marts.tbl_dim_customer (customer_id, contact_email) values ('C1', 'a@b.example')"
            )
            cursor.execute("use role ACCOUNTADMIN")
            cursor.execute("grant role LOGISTICS_DEPLOYER to user ADMIN")
            cursor.execute("use secondary roles none")
            cursor.execute("use role LOGISTICS_DEPLOYER")
            assert cursor.execute("select * from marts.tbl_dim_customer").fetchall() == []
