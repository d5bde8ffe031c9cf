"""Five kinds of work in one pipeline: a function, a Glue job, a container, a GPU and another function."""
