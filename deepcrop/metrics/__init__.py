"""The metrics that papers report for saliency, cropping and retargeting."""
