"""Review that people share: the page of a job, served, with marks that belong to the job."""
