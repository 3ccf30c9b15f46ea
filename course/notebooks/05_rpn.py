# %% [markdown]
# # 05 · Fast, Faster, single stage
