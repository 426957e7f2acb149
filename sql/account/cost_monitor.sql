-- Run once by ACCOUNTADMIN on a real account whose deploying role is LOGISTICS_DEPLOYER: nobody else may make a resource monitor.
-- With logistics:costMonitor: account in the stack file the deployment makes none, and this one bounds every warehouse of the account.
-- The quota is logistics:dailyCreditQuota; an account that several environments share needs the sum of theirs.
use role accountadmin;

create resource monitor if not exists daily_cost_monitor with
    credit_quota = 100
    frequency = daily
    start_timestamp = immediately
    triggers
        on 80 percent do notify
        on 90 percent do suspend
        on 100 percent do suspend_immediate;
alter account set resource_monitor = daily_cost_monitor;

-- The health check and the optimizer read what is used of it.
grant monitor on resource monitor daily_cost_monitor to role logistics_deployer;
