-- Run once by ACCOUNTADMIN on a real account: the role that deploys, and nothing that it does not need.
-- Then: alter user logistics_ci set rsa_public_key = '...'; and name user and role in the stack files.
use role accountadmin;

create role if not exists logistics_deployer comment = 'Deploys the logistics platform; nobody works with it';
grant create database on account to role logistics_deployer;
grant create role on account to role logistics_deployer;
grant create user on account to role logistics_deployer;
grant create warehouse on account to role logistics_deployer;
grant create network policy on account to role logistics_deployer;
-- It grants what the stack file says to whom; without it no role of the platform could be given anything.
grant manage grants on account to role logistics_deployer;
-- Passed on to DATA_ENGINEER and AUDITOR, which run tasks.
grant execute task on account to role logistics_deployer with grant option;
-- It owns the alert of data quality.
grant execute alert on account to role logistics_deployer;

-- The views of cost, performance and access read these.
grant imported privileges on database snowflake to role logistics_deployer;

-- Roles of the platform stand under SYSADMIN, as Snowflake advises.
grant role logistics_deployer to role sysadmin;

-- Snowflake tells which policies hold on a view by a query, which needs a warehouse before the platform's own are there.
create warehouse if not exists logistics_deploy_wh
    warehouse_size = xsmall
    auto_suspend = 60
    initially_suspended = true
    comment = 'Deployments ask the account by it';
grant usage on warehouse logistics_deploy_wh to role logistics_deployer;

create user if not exists logistics_ci
    type = service
    default_role = logistics_deployer
    default_warehouse = logistics_deploy_wh
    comment = 'Deploys from CI, by key pair';
grant role logistics_deployer to user logistics_ci;
