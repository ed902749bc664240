"""Networks: `nn.Module`s only, without files or downloads."""
