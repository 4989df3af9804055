"""Small cells shared by several models.

Constructors start every parameter at a constant (drawing random numbers for a network that a
checkpoint fills anyway takes MindSpore up to a minute); `ms_ovs.nn.init` draws them when wanted.
"""
