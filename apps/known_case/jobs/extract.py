"""The script of the Glue job: the orders of one day as Parquet, without what nobody may see."""

PRIVATE = ("email", "address")


def main(arguments):
    from awsglue.utils import getResolvedOptions
    from pyspark.sql import SparkSession

    given = getResolvedOptions(arguments, ["from", "to"])
    orders = SparkSession.builder.getOrCreate().read.csv(given["from"], header=True, inferSchema=True)
    orders.drop(*PRIVATE).write.mode("overwrite").parquet(given["to"])


if __name__ == "__main__":
    import sys

    main(sys.argv)
