"""The retarget methods DNR and DNR with the paper's values."""
