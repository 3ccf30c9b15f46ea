# %% [markdown]
# # 06 · Segmentation: down, and up again
