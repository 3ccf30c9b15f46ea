# %% [markdown]
# # 02 · R-CNN: from regions to boxes
