"""The retarget method DeepIR."""
