# %% [markdown]
# # 04 · How good is a detector? Mean average precision
