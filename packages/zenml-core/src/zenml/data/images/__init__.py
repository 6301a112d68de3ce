"""Folders of images as shard jobs: the bytes of each image, the label that its folder gives, and where it lay."""
