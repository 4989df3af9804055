"""OpenAI CLIP: image towers, text tower and the pair of them (Radford et al. 2021)."""
