# %% [markdown]
# # 07 · Heads for every task
