"""Asks Spark, or with the argument hive the Hive that comes with it, in a session of its own for each start.

Hive here is the Parquet reader of Hive 2.3 (its SerDe), to which Spark hands a table STORED AS PARQUET once
spark.sql.hive.convertMetastoreParquet is off. The metastore is Derby in memory.
"""

import os
import sys
import tempfile

import job
import pyspark
from pyspark.sql import SparkSession

HIVE = sys.argv[1:] == ["hive"]


class Spark:
    def __init__(self):
        scratch = tempfile.mkdtemp(prefix="chatlake-spark-", dir=os.environ.get("CHATLAKE_SCRATCH"))
        os.chdir(scratch)
        builder = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.memory", "1g")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.adaptive.enabled", "false")
            .config("spark.sql.session.timeZone", "Asia/Shanghai")
            .config("spark.driver.extraJavaOptions", "-Duser.timezone=Asia/Shanghai -Dderby.system.home=" + scratch)
            .config("spark.sql.warehouse.dir", os.path.join(scratch, "warehouse"))
            .config("spark.sql.hive.convertMetastoreParquet", "false")
            .config("spark.hadoop.javax.jdo.option.ConnectionURL", "jdbc:derby:memory:metastore;create=true")
        )
        if HIVE:
            builder = builder.enableHiveSupport()
        self.spark = builder.getOrCreate()
        self.spark.sparkContext.setLogLevel("OFF")
        self.version = pyspark.__version__
        if HIVE:
            jvm = self.spark.sparkContext._jvm
            self.version = "%s in Spark %s" % (jvm.org.apache.hive.common.util.HiveVersionInfo.getVersion(), pyspark.__version__)

    def execute(self, sql):
        self.spark.sql(sql)

    def ask(self, query):
        return [tuple(row) for row in self.spark.sql(query["sql"]).collect()]

    def files_read(self, query, _):
        frame = self.spark.sql(query["sql"])
        leaf = frame._jdf.queryExecution().executedPlan().collectLeaves().head()
        if HIVE:  # a day is a partition, and has one file
            return leaf.prunedPartitions().size()
        frame._jdf.collectToPython()
        return leaf.metrics().get("numFiles").get().value()

    def refresh(self):
        self.spark.sql("REFRESH TABLE chatlake.app_daily_stats")


driver = Spark()
job.run(driver)
sys.stdout.flush()
driver.spark.stop()
