-- StarRocks 3.1 and later, by the Hive table that 'chatlake ddl hive' makes with the same --table. Paste that one first.
--
-- Put the address of the metastore and keys that may read the bucket in the places of <MetastoreHost>, <SecretId> and <SecretKey>.
-- Virtual-hosted style: COS refuses the other one for buckets made since 2024.
CREATE EXTERNAL CATALOG IF NOT EXISTS chatlake_hive
COMMENT 'Operations data of Tencent Chat apps: one row an app and day'
PROPERTIES (
  "type" = "hive",
  "hive.metastore.type" = "hive",
  "hive.metastore.uris" = "thrift://<MetastoreHost>:9083",
  "aws.s3.enable_ssl" = "true",
  "aws.s3.enable_path_style_access" = "false",
  "aws.s3.endpoint" = "https://cos.ap-singapore.myqcloud.com",
  "aws.s3.region" = "ap-singapore",
  "aws.s3.access_key" = "<SecretId>",
  "aws.s3.secret_key" = "<SecretKey>"
);

-- A new day is registered in Hive (MSCK REPAIR TABLE there, once and after each run). StarRocks keeps what it has read of the
-- metastore for some minutes. To see a new or a revised day at once:
REFRESH EXTERNAL TABLE chatlake_hive.`chatlake`.`app_daily_stats_files`;

CREATE DATABASE IF NOT EXISTS default_catalog.`chatlake`;

-- The Hive table has timestamps as milliseconds since 1970. The view makes DATETIME of them, in UTC whatever the time zone of
-- the session is.
--
-- dt is the day as text. Filter on it, and only the files of those days are read:
--   WHERE dt BETWEEN '2026-11-01' AND '2026-11-30'
-- stat_date is the same day as a DATE, for arithmetic with dates. A filter on it alone reads every file.
-- extra['Field'] is the value of a field that has no column, NULL where a row has none.
CREATE VIEW IF NOT EXISTS default_catalog.`chatlake`.`app_daily_stats` (
  `sdk_app_id` COMMENT 'SDKAppID of the app',
  `stat_date` COMMENT 'the day that the row counts, a calendar day in Beijing (UTC+8)',
  `app_name` COMMENT 'name of the app',
  `company` COMMENT 'name of the customer that owns the app',
  `active_user_num` COMMENT 'active users',
  `regist_user_num_one_day` COMMENT 'users registered on the day',
  `regist_user_num_total` COMMENT 'users registered in all, to the day\'s end',
  `login_times` COMMENT 'logins',
  `login_user_num` COMMENT 'users who logged in',
  `up_msg_num` COMMENT 'messages sent (upstream), one-to-one and group',
  `down_msg_num` COMMENT 'messages delivered (downstream), one-to-one and group',
  `send_msg_user_num` COMMENT 'users who sent a message',
  `apns_msg_num` COMMENT 'pushes through APNs',
  `c2c_up_msg_num` COMMENT 'one-to-one messages sent (upstream)',
  `c2c_down_msg_num` COMMENT 'one-to-one messages delivered (downstream)',
  `c2c_send_msg_user_num` COMMENT 'users who sent a one-to-one message',
  `c2c_apns_msg_num` COMMENT 'pushes through APNs for one-to-one messages',
  `max_online_num` COMMENT 'most users online at once',
  `chain_increase` COMMENT 'relationship chains (pairs of contacts) added',
  `chain_decrease` COMMENT 'relationship chains (pairs of contacts) deleted',
  `group_up_msg_num` COMMENT 'group messages sent (upstream)',
  `group_down_msg_num` COMMENT 'group messages delivered (downstream)',
  `group_send_msg_user_num` COMMENT 'users who sent a group message',
  `group_apns_msg_num` COMMENT 'pushes through APNs for group messages',
  `group_send_msg_group_num` COMMENT 'groups in which a message was sent',
  `group_join_group_times` COMMENT 'times that a user joined a group',
  `group_quit_group_times` COMMENT 'times that a user left a group',
  `group_new_group_num` COMMENT 'groups created',
  `group_all_group_num` COMMENT 'groups in all',
  `group_destroy_group_num` COMMENT 'groups disbanded',
  `call_back_req` COMMENT 'callback requests to the app\'s own server',
  `call_back_rsp` COMMENT 'callback responses from the app\'s own server',
  `extra` COMMENT 'fields that the API had and this schema has not, as received',
  `first_pulled_at` COMMENT 'clock of the run that first stored the row (UTC)',
  `updated_at` COMMENT 'clock of the run that last changed a value of the row (UTC)',
  `revision` COMMENT '1 at first, one more each time that a value of the row changed',
  `dt` COMMENT 'the day as its folder is named, YYYY-MM-DD: a filter on it reads the files of those days only'
)
COMMENT 'Operations data of Tencent Chat apps: one row an app and day'
AS SELECT
  `sdk_app_id`,
  `stat_date`,
  `app_name`,
  `company`,
  `active_user_num`,
  `regist_user_num_one_day`,
  `regist_user_num_total`,
  `login_times`,
  `login_user_num`,
  `up_msg_num`,
  `down_msg_num`,
  `send_msg_user_num`,
  `apns_msg_num`,
  `c2c_up_msg_num`,
  `c2c_down_msg_num`,
  `c2c_send_msg_user_num`,
  `c2c_apns_msg_num`,
  `max_online_num`,
  `chain_increase`,
  `chain_decrease`,
  `group_up_msg_num`,
  `group_down_msg_num`,
  `group_send_msg_user_num`,
  `group_apns_msg_num`,
  `group_send_msg_group_num`,
  `group_join_group_times`,
  `group_quit_group_times`,
  `group_new_group_num`,
  `group_all_group_num`,
  `group_destroy_group_num`,
  `call_back_req`,
  `call_back_rsp`,
  `extra`,
  microseconds_add(seconds_add(days_add(CAST('1970-01-01 00:00:00' AS DATETIME),
    CAST(`first_pulled_at` DIV 86400000 AS INT)), CAST((`first_pulled_at` DIV 1000) % 86400 AS INT)), CAST((`first_pulled_at` % 1000) * 1000 AS INT)) AS `first_pulled_at`,
  microseconds_add(seconds_add(days_add(CAST('1970-01-01 00:00:00' AS DATETIME),
    CAST(`updated_at` DIV 86400000 AS INT)), CAST((`updated_at` DIV 1000) % 86400 AS INT)), CAST((`updated_at` % 1000) * 1000 AS INT)) AS `updated_at`,
  `revision`,
  `dt`
FROM chatlake_hive.`chatlake`.`app_daily_stats_files`;
