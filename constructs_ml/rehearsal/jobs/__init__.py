"""Jobs run: processing, training, tuning and transform jobs as local processes under the containers' contract."""

from constructs_ml.rehearsal.jobs.jobs import Jobs

__all__ = ["Jobs"]
