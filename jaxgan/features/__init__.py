"""Frozen networks that look at images (Inception, VGG16, DINOv2, the digits' classifier), and their weight files."""
