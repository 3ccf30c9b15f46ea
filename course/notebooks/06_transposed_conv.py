# %% [markdown]
# # 06 · Segmentation: down, and up again

# %% [markdown] written="why_down" points=1.5
# *Your answer.*
