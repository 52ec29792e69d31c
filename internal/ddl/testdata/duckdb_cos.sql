-- DuckDB 1.0 and later. Nothing needs to be registered: each query lists the folder, so a new day is there at once. After a
-- new version of chatlake paste this again, for the columns that it may bring.

INSTALL httpfs;
LOAD httpfs;

-- For this session alone. CREATE PERSISTENT SECRET would write the keys to the disk.
CREATE OR REPLACE SECRET chatlake (
  TYPE s3,
  KEY_ID '<SecretId>',
  SECRET '<SecretKey>',
  REGION 'ap-singapore',
  ENDPOINT 'cos.ap-singapore.myqcloud.com',
  URL_STYLE 'vhost',
  SCOPE 's3://lake-1250000000'
);

-- dt comes from the name of the folder. Filter on it, and only the rows of those days are read:
--   WHERE dt BETWEEN '2026-11-01' AND '2026-11-30'
-- stat_date is the same day, from inside the files. A filter on it alone looks into every file.
-- Timestamps are instants, shown in the time zone of the session. SET TimeZone = 'UTC' shows them as stored.
-- extra['Field'] is the value of a field that has no column, NULL where a row has none.
--
-- union_by_name gives NULL for a column that an older file lacks. It opens every file once for that. Where this is slow and
-- a few days are enough, name them in the path in place of the star: dt=2026-11-*.
CREATE OR REPLACE VIEW "app_daily_stats" AS SELECT
  "sdk_app_id",
  "stat_date",
  "app_name",
  "company",
  "active_user_num",
  "regist_user_num_one_day",
  "regist_user_num_total",
  "login_times",
  "login_user_num",
  "up_msg_num",
  "down_msg_num",
  "send_msg_user_num",
  "apns_msg_num",
  "c2c_up_msg_num",
  "c2c_down_msg_num",
  "c2c_send_msg_user_num",
  "c2c_apns_msg_num",
  "max_online_num",
  "chain_increase",
  "chain_decrease",
  "group_up_msg_num",
  "group_down_msg_num",
  "group_send_msg_user_num",
  "group_apns_msg_num",
  "group_send_msg_group_num",
  "group_join_group_times",
  "group_quit_group_times",
  "group_new_group_num",
  "group_all_group_num",
  "group_destroy_group_num",
  "call_back_req",
  "call_back_rsp",
  "extra",
  "first_pulled_at",
  "updated_at",
  "revision",
  "dt"
FROM read_parquet(
  's3://lake-1250000000/im/app_daily_stats/dt=*/*.parquet',
  hive_partitioning = true,
  hive_types = {'dt': DATE},
  union_by_name = true
);

COMMENT ON VIEW "app_daily_stats" IS 'Operations data of Tencent Chat apps: one row an app and day';
COMMENT ON COLUMN "app_daily_stats"."sdk_app_id" IS 'SDKAppID of the app';
COMMENT ON COLUMN "app_daily_stats"."stat_date" IS 'the day that the row counts, a calendar day in Beijing (UTC+8)';
COMMENT ON COLUMN "app_daily_stats"."app_name" IS 'name of the app';
COMMENT ON COLUMN "app_daily_stats"."company" IS 'name of the customer that owns the app';
COMMENT ON COLUMN "app_daily_stats"."active_user_num" IS 'active users';
COMMENT ON COLUMN "app_daily_stats"."regist_user_num_one_day" IS 'users registered on the day';
COMMENT ON COLUMN "app_daily_stats"."regist_user_num_total" IS 'users registered in all, to the day''s end';
COMMENT ON COLUMN "app_daily_stats"."login_times" IS 'logins';
COMMENT ON COLUMN "app_daily_stats"."login_user_num" IS 'users who logged in';
COMMENT ON COLUMN "app_daily_stats"."up_msg_num" IS 'messages sent (upstream), one-to-one and group';
COMMENT ON COLUMN "app_daily_stats"."down_msg_num" IS 'messages delivered (downstream), one-to-one and group';
COMMENT ON COLUMN "app_daily_stats"."send_msg_user_num" IS 'users who sent a message';
COMMENT ON COLUMN "app_daily_stats"."apns_msg_num" IS 'pushes through APNs';
COMMENT ON COLUMN "app_daily_stats"."c2c_up_msg_num" IS 'one-to-one messages sent (upstream)';
COMMENT ON COLUMN "app_daily_stats"."c2c_down_msg_num" IS 'one-to-one messages delivered (downstream)';
COMMENT ON COLUMN "app_daily_stats"."c2c_send_msg_user_num" IS 'users who sent a one-to-one message';
COMMENT ON COLUMN "app_daily_stats"."c2c_apns_msg_num" IS 'pushes through APNs for one-to-one messages';
COMMENT ON COLUMN "app_daily_stats"."max_online_num" IS 'most users online at once';
COMMENT ON COLUMN "app_daily_stats"."chain_increase" IS 'relationship chains (pairs of contacts) added';
COMMENT ON COLUMN "app_daily_stats"."chain_decrease" IS 'relationship chains (pairs of contacts) deleted';
COMMENT ON COLUMN "app_daily_stats"."group_up_msg_num" IS 'group messages sent (upstream)';
COMMENT ON COLUMN "app_daily_stats"."group_down_msg_num" IS 'group messages delivered (downstream)';
COMMENT ON COLUMN "app_daily_stats"."group_send_msg_user_num" IS 'users who sent a group message';
COMMENT ON COLUMN "app_daily_stats"."group_apns_msg_num" IS 'pushes through APNs for group messages';
COMMENT ON COLUMN "app_daily_stats"."group_send_msg_group_num" IS 'groups in which a message was sent';
COMMENT ON COLUMN "app_daily_stats"."group_join_group_times" IS 'times that a user joined a group';
COMMENT ON COLUMN "app_daily_stats"."group_quit_group_times" IS 'times that a user left a group';
COMMENT ON COLUMN "app_daily_stats"."group_new_group_num" IS 'groups created';
COMMENT ON COLUMN "app_daily_stats"."group_all_group_num" IS 'groups in all';
COMMENT ON COLUMN "app_daily_stats"."group_destroy_group_num" IS 'groups disbanded';
COMMENT ON COLUMN "app_daily_stats"."call_back_req" IS 'callback requests to the app''s own server';
COMMENT ON COLUMN "app_daily_stats"."call_back_rsp" IS 'callback responses from the app''s own server';
COMMENT ON COLUMN "app_daily_stats"."extra" IS 'fields that the API had and this schema has not, as received';
COMMENT ON COLUMN "app_daily_stats"."first_pulled_at" IS 'clock of the run that first stored the row (UTC)';
COMMENT ON COLUMN "app_daily_stats"."updated_at" IS 'clock of the run that last changed a value of the row (UTC)';
COMMENT ON COLUMN "app_daily_stats"."revision" IS '1 at first, one more each time that a value of the row changed';
COMMENT ON COLUMN "app_daily_stats"."dt" IS 'the day as its folder is named, YYYY-MM-DD: a filter on it reads the files of those days only';
