# %% [markdown]
# # 01 · Sliding windows
