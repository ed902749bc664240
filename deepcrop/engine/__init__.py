"""All of Ray: the driver of a job, its actors, and the cluster that they run on."""
