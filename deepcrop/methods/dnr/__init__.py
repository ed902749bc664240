"""The retarget method DNR, with our options and with the paper's."""
