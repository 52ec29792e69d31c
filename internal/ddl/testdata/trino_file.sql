-- Trino, Hive connector. Its catalog reads file:// with this in etc/catalog/NAME.properties:
--   fs.hadoop.enabled=true
-- With the local file system of Trino itself (fs.native-local.enabled=true, local.location=/) write local:// for file:// below: by
-- file:// it would register no day, and say nothing.
-- A new version of chatlake may bring a column. Then drop the table and paste this again: the table is external, its
-- files stay.

CREATE SCHEMA IF NOT EXISTS "hive"."chatlake";

-- dt is the day as text. Filter on it, and only the files of those days are read:
--   WHERE dt BETWEEN '2026-11-01' AND '2026-11-30'
-- stat_date is the same day as a DATE, for arithmetic with dates. A filter on it alone reads every file.
-- element_at(extra, 'Field') is the value of a field that has no column, NULL where a row has none.
--
-- TIMESTAMP(3) is what the connector has: without a zone, and reading as UTC. with_timezone(updated_at, 'UTC') makes an
-- instant of it. The catalog must keep its hive.timestamp-precision of MILLISECONDS.
CREATE TABLE IF NOT EXISTS "hive"."chatlake"."app_daily_stats" (
  "sdk_app_id" BIGINT COMMENT 'SDKAppID of the app',
  "stat_date" DATE COMMENT 'the day that the row counts, a calendar day in Beijing (UTC+8)',
  "app_name" VARCHAR COMMENT 'name of the app',
  "company" VARCHAR COMMENT 'name of the customer that owns the app',
  "active_user_num" BIGINT COMMENT 'active users',
  "regist_user_num_one_day" BIGINT COMMENT 'users registered on the day',
  "regist_user_num_total" BIGINT COMMENT 'users registered in all, to the day''s end',
  "login_times" BIGINT COMMENT 'logins',
  "login_user_num" BIGINT COMMENT 'users who logged in',
  "up_msg_num" BIGINT COMMENT 'messages sent (upstream), one-to-one and group',
  "down_msg_num" BIGINT COMMENT 'messages delivered (downstream), one-to-one and group',
  "send_msg_user_num" BIGINT COMMENT 'users who sent a message',
  "apns_msg_num" BIGINT COMMENT 'pushes through APNs',
  "c2c_up_msg_num" BIGINT COMMENT 'one-to-one messages sent (upstream)',
  "c2c_down_msg_num" BIGINT COMMENT 'one-to-one messages delivered (downstream)',
  "c2c_send_msg_user_num" BIGINT COMMENT 'users who sent a one-to-one message',
  "c2c_apns_msg_num" BIGINT COMMENT 'pushes through APNs for one-to-one messages',
  "max_online_num" BIGINT COMMENT 'most users online at once',
  "chain_increase" BIGINT COMMENT 'relationship chains (pairs of contacts) added',
  "chain_decrease" BIGINT COMMENT 'relationship chains (pairs of contacts) deleted',
  "group_up_msg_num" BIGINT COMMENT 'group messages sent (upstream)',
  "group_down_msg_num" BIGINT COMMENT 'group messages delivered (downstream)',
  "group_send_msg_user_num" BIGINT COMMENT 'users who sent a group message',
  "group_apns_msg_num" BIGINT COMMENT 'pushes through APNs for group messages',
  "group_send_msg_group_num" BIGINT COMMENT 'groups in which a message was sent',
  "group_join_group_times" BIGINT COMMENT 'times that a user joined a group',
  "group_quit_group_times" BIGINT COMMENT 'times that a user left a group',
  "group_new_group_num" BIGINT COMMENT 'groups created',
  "group_all_group_num" BIGINT COMMENT 'groups in all',
  "group_destroy_group_num" BIGINT COMMENT 'groups disbanded',
  "call_back_req" BIGINT COMMENT 'callback requests to the app''s own server',
  "call_back_rsp" BIGINT COMMENT 'callback responses from the app''s own server',
  "extra" MAP(VARCHAR, VARCHAR) COMMENT 'fields that the API had and this schema has not, as received',
  "first_pulled_at" TIMESTAMP(3) COMMENT 'clock of the run that first stored the row (UTC)',
  "updated_at" TIMESTAMP(3) COMMENT 'clock of the run that last changed a value of the row (UTC)',
  "revision" INTEGER COMMENT '1 at first, one more each time that a value of the row changed',
  "dt" VARCHAR COMMENT 'the day as its folder is named, YYYY-MM-DD: a filter on it reads the files of those days only'
)
COMMENT 'Operations data of Tencent Chat apps: one row an app and day'
WITH (
  format = 'PARQUET',
  partitioned_by = ARRAY['dt'],
  external_location = 'file:///srv/lake/app_daily_stats/'
);

-- Trino does not see a new day by itself. This adds all days that are not yet known: once now, and after each run. One day
-- alone is quicker where the catalog has hive.allow-register-partition-procedure=true, but fails if the day is known:
--   CALL "hive".system.register_partition('chatlake', 'app_daily_stats', ARRAY['dt'], ARRAY['2026-11-24'])
-- A day that was only revised needs nothing.
CALL "hive".system.sync_partition_metadata('chatlake', 'app_daily_stats', 'ADD');
