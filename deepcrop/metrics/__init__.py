"""What the papers report: saliency, cropping and retargeting metrics."""
